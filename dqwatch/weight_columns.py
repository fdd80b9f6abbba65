"""The columns of the tables on loss weights: name, dtype, unit and meaning, as `tables.Column`."""

from __future__ import annotations

_PARTS = {
    "raw": "its weight",
    "sd": "its part of the loss with errors of one standard deviation (a forecast of the mean)",
    "tendency": "its part of the loss with errors of one standard deviation of the tendency (persistence)",
}

WEIGHTS = (
    ("variable", "str", "", "name of the variable, with its level"),
    ("source_name", "str", "", "its name in the data"),
    ("role", "str", "", "prognostic or diagnostic; forcings are no part of the loss"),
    ("key", "str", "", "what its weight is looked up by in the training configuration"),
    ("weight", "float", "1", "weight that the configuration gives it"),
    ("factor", "float", "1", "level scaling, times tendency scaling where the loss uses one"),
    ("loss_weight", "float", "1", "weight times factor: what the squared error of the normalised variable counts"),
    ("normaliser", "str", "", "mean-std, std, min-max, max or none"),
    ("scale", "float", "of the variable", "what its values are divided by; 1 for none"),
    ("stdev", "float", "of the variable", "its standard deviation"),
    ("tendency", "float", "of the variable", "standard deviation of its change over a step; NaN if unknown"),
    *(
        column
        for scale, part in _PARTS.items()
        for column in (
            (f"{scale}_share", "float", "1", f"{part}, over that of all variables"),
            (f"{scale}_ratio", "float", "1", f"{part}, over that of the median variable"),
        )
    ),
)

WEIGHT_KEYS = (
    ("key", "str", "", "key in the training configuration"),
    ("weight", "float", "1", "its weight"),
    ("n_variables", "int", "variables", "variables that are looked up by it"),
)

SUGGESTIONS = (
    ("departure", "float", "standard deviations", "how far the source stays away from training; NaN if unknown"),
    ("step", "float", "standard deviations", "how far a step changes the variable"),
    ("p_value", "float", "1", "of all cycles of the source together"),
    ("q_value", "float", "1", "the same, adjusted for the number of variables (Benjamini-Hochberg)"),
    ("multiplier", "float", "1", "the weight times this is suggested: 0.1 to 1; 1 without evidence"),
    ("suggested", "float", "1", "weight that is written, one for all variables of a key"),
    ("reason", "str", "", "one sentence with the evidence"),
)
"""Of the table `weights` where a source was held against training."""
