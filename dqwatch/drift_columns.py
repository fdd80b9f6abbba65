"""The columns of the tables that hold data against a baseline: name, dtype, unit and meaning, as `tables.Column`."""

from __future__ import annotations

DRIFT = (
    ("p_value", "float", "1", "of the scores of the field among those of training; NaN where it has none"),
    ("q_value", "float", "1", "the same, adjusted for the number of variables (Benjamini-Hochberg)"),
    ("departure", "float", "1", "how far out the leading score is: 1 where it alone has a p of 1 %"),
    ("leading_score", "str", "", "the score that departs most; '' if there is none"),
    ("score", "float", "of the score", "its value"),
    ("usual_score", "float", "of the score", "what it is at this time of year in training"),
    ("region", "str", "", "where the field departs most; '' if nowhere in particular"),
    ("named", "bool", "", "a variable that the drift of its cycle is about: q_value <= 0.1"),
    ("alarmed", "bool", "", "named, in a cycle whose p is 0.01 or less"),
    ("n_running", "int", "cycles", "how many in a row up to this one have a p_value of 0.05 or less"),
    ("n_exact", "int", "checks", "exact checks that fail: shares never seen, constants that differ"),
    ("exact", "str", "", "what they are"),
    ("reason", "str", "", "why there is no p-value; '' if there is one"),
)
"""After the key of the table `fields`."""

CYCLES = (
    ("time", "str", "", "time of the cycle"),
    ("time_index", "int", "", "position on its time axis"),
    ("member", "int", "", "ensemble member, from 0"),
    ("p_cycle", "float", "1", "of all scores of all variables together; NaN without"),
    ("p_warning", "float", "1", "the same; NaN where the null is too small for a p of 0.01"),
    ("p_critical", "float", "1", "the same; NaN where the null is too small for a p of 0.001"),
    ("null_size", "int", "cycles", "cycles of training that it was held against"),
    ("null_years", "int", "years", "years that they come from"),
    ("n_variables", "int", "variables", "variables with a p-value, or held against stored statistics"),
    ("n_named", "int", "variables", "variables that the drift is about"),
    ("n_running", "int", "cycles", "how many in a row up to this one have a p_cycle of 0.05 or less"),
    ("variables", "str", "", "which, the furthest out first, with their regions"),
    ("reason", "str", "", "why there is no p-value; '' if there is one"),
)

SLOW = (
    ("variable", "str", "", "name of the variable, with its level"),
    ("param", "str", "", "name without the level"),
    ("level", "float", "as the variable's level type", "level; NaN for single-level variables"),
    ("p_year", "float", "1", "share of the training years in which any variable drifted as far, replayed held out"),
    ("p_warning", "float", "1", "the same; NaN where the years are too few for a p of 0.1"),
    ("departure", "float", "1", "how far it got: 1 where the leading series alone is there in 1 % of the time"),
    ("limit", "float", "1", "what is reached in one year of ten of training; NaN where the years are too few"),
    ("source", "str", "", "what drifts most: a score of the whole field, or the mean over the region"),
    ("region", "str", "", "n.hem, tropics, s.hem, land, sea or a box; '' for the whole field"),
    ("detector", "str", "", "what tells: average (over 120 days), sum up, sum down (CUSUM of what is new each slot)"),
    ("direction", "str", "", "up or down: where it lies since the onset"),
    ("onset", "str", "", "time since when it most likely has drifted"),
    ("reached", "str", "", "time when it first was beyond the limit; '' if never"),
    ("alarmed", "bool", "", "it was beyond the limit"),
    ("null_years", "int", "years", "years of training that it was held against"),
    ("n_slots", "int", "slots", "stretches of time that the cycles were put into"),
    ("slot_days", "float", "days", "their length"),
)

SCORECARD = (
    ("time", "str", "", "time of the cycle with the least p"),
    ("member", "int", "", "ensemble member, from 0"),
    ("variable", "str", "", "name of the variable, with its level"),
    ("param", "str", "", "name without the level"),
    ("level", "float", "as the variable's level type", "level; NaN for single-level variables"),
    ("region", "str", "", "all, n.hem, tropics, s.hem (20 degrees apart), land, sea (areas that mostly are)"),
    ("mean", "float", "standard deviations", "mean over the areas of the region of how far each one's mean departs"),
    ("rms", "float", "standard deviations", "root mean square departure of the cells of the region; usually about 1"),
    ("named", "bool", "", "a variable that the drift of the cycle is about"),
)

AREAS = (
    ("time", "str", "", "time of the cycle with the least p"),
    ("member", "int", "", "ensemble member, from 0"),
    ("variable", "str", "", "a variable that the drift of the cycle is about"),
    ("kind", "str", "", "what departs: the state, its change (step), or the departure from a background"),
    ("area", "int", "", "number of the area"),
    ("south", "float", "degrees_north", "its southern edge; NaN without coordinates"),
    ("north", "float", "degrees_north", "its northern edge"),
    ("west", "float", "degrees_east", "its western edge"),
    ("east", "float", "degrees_east", "its eastern edge"),
    ("mean", "float", "standard deviations", "how far the mean of the area departs"),
    ("rms", "float", "standard deviations", "root mean square departure of its cells; usually about 1"),
)

NULLS = (
    ("time", "str", "", "time of the cycle with the least p"),
    ("member", "int", "", "ensemble member, from 0"),
    ("variable", "str", "", "a variable that the drift of the cycle is about"),
    ("score", "str", "", "its leading score"),
    ("left", "float", "of the score", "from here"),
    ("right", "float", "of the score", "to here"),
    ("n_cycles", "int", "cycles", "cycles of training, each with its own years held out, whose score lies there"),
)

HISTOGRAMS = (
    ("time", "str", "", "time of the cycle with the least p"),
    ("member", "int", "", "ensemble member, from 0"),
    ("variable", "str", "", "a variable that the drift of the cycle is about, or one that is odd beside them"),
    ("units", "str", "", "units of the variable in the baseline; '' if it has none"),
    ("left", "float", "of the variable", "from here; the first range holds what is below it too"),
    ("right", "float", "of the variable", "to here; the last range holds what is above it too"),
    ("share_now", "float", "1", "share of the cells of the cycle whose value lies there"),
    ("share_usual", "float", "1", "the same of training at that time of the year and of the day"),
)
