"""The columns of the tables on losses: name, dtype, unit and meaning, as `tables.Column`."""

from __future__ import annotations

LOSSES = (
    ("variable", "str", "", "name of the variable, as the series has it"),
    ("n", "int", "steps", "steps with a loss"),
    ("n_bad", "int", "steps", "steps whose loss is NaN or infinite"),
    ("first_step", "int", "", "first step with a loss"),
    ("last_step", "int", "", "last step with a loss"),
    ("last_loss", "float", "of the loss", "median of the last tenth"),
    ("still", "int", "steps", "longest run of equal losses"),
    (
        "spike_p",
        "float",
        "1",
        "p-value of any loss of any variable standing as far above those before and after; NaN: unknown",
    ),
    ("n_spikes", "int", "steps", "losses whose own p-value of that kind is 0.01 or less"),
    ("spike_step", "int", "", "step of the largest; -1 without one"),
    (
        "spike_times",
        "float",
        "usual losses",
        "how many times the usual the largest is; where losses may be negative, how far above",
    ),
    ("spike_dates", "str", "", "dates of the samples of that step; '' if unknown"),
    ("spike_fields", "str", "", "what stands out among the fields of those dates; '' without tables of an audit"),
    ("step_p", "float", "1", "p-value of any variable rising as far against the others at a step, to stay there"),
    ("step_at", "int", "", "that step; -1 if unknown"),
    (
        "step_times",
        "float",
        "losses before",
        "loss after over that before, the others taken off; of negative losses the rise",
    ),
    ("step_source", "str", "", "source whose samples begin near that step; '' if none does"),
    (
        "date_p",
        "float",
        "1",
        "p-value of any variable having other losses for samples from a date on, the others taken off",
    ),
    ("date_from", "str", "", "that date; '' if unknown"),
    (
        "date_times",
        "float",
        "losses before",
        "loss of steps by samples from that date on over that by those before; samples themselves differ more",
    ),
    ("source_p", "float", "1", "p-value of any variable having larger losses for any of the sources, taken by turns"),
    ("source_name", "str", "", "that source; '' if unknown"),
    ("source_times", "float", "other losses", "loss of its samples over that of the others"),
    (
        "stall_p",
        "float",
        "1",
        "p-value of any variable not falling further while the others do, against how they learn",
    ),
    ("stall_since", "int", "", "step since when; -1 if it does not stall"),
    ("stall_times", "float", "losses", "loss over what it would be had it fallen as the others since"),
)

SUSPECTS = (
    ("variable", "str", "", "variable whose loss has the spike"),
    ("step", "int", "", "step of the spike"),
    ("time", "str", "", "time of a field near the dates of its samples"),
    ("field", "str", "", "variable of that field"),
    ("what", "str", "", "column of the table `fields` that stands out"),
    ("value", "float", "of the column", "its value there"),
    ("usual", "float", "of the column", "median of that column over all times; 0 for counts of defects"),
    ("deviation", "float", "robust deviations", "how far it is off; infinite for counts of defects"),
)

CURVES = (
    ("variable", "str", "", "one of the variables that stand out most"),
    ("step", "int", "", "a step; of many, those with the extremes of each stretch, and those of spikes"),
    ("loss", "float", "of the loss", "its loss there"),
    ("spike", "bool", "", "it is a spike"),
)
