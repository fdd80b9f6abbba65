"""Loss weights for the page: whose part of the loss is how large, before and after, why, and the YAML."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from dqwatch.types import Verdict

if TYPE_CHECKING:
    import pandas as pd

SCALES = {"raw": "of the weights", "sd": "in standard deviations", "tendency": "in tendencies"}
_SAME = 1e-6


def weights(verdict: Verdict, pictures: str = "") -> str:
    """The section of the page; '' of a verdict without a table `weights`.

    Parameters
    ----------
    verdict : Verdict
        Uses the table `weights` and `advice`.
    pictures : str
        HTML that stands before the table.

    Returns
    -------
    str
        HTML; all text of the data is escaped.
    """
    table = verdict.tables.get("weights")
    if table is None or table.empty:
        return ""
    return f"<h2>Loss weights</h2>{_told(table)}{pictures}{share_table(table)}{_fine_tuning(verdict)}{_yaml(verdict)}"


def shares_after(table: pd.DataFrame, scale: str) -> pd.Series:
    """The shares that the suggested weights give on a scale; NaN where the present one is unknown."""
    parts = table[f"{scale}_share"] * (table["suggested"] / table["weight"]).where(table["weight"] != 0, 1.0)
    return parts / parts.sum()


def share_table(table: pd.DataFrame) -> str:
    """Every variable with its weight and its shares, the largest first; where weights are suggested, both of each."""
    changed = "suggested" in table
    after = {scale: shares_after(table, scale) for scale in SCALES} if changed else {}
    order = table[[f"{scale}_share" for scale in SCALES]].max(axis=1).sort_values(ascending=False, kind="stable").index
    head = "".join(f"<th>{text}</th>" for text in ("Variable", "Normaliser", "Weight", *_heads()))
    rows = []
    for i in order:
        row = table.loc[i]
        different = changed and abs(row["suggested"] - row["weight"]) > _SAME * abs(row["weight"])
        weight = _pair(f"{row['weight']:g}", f"{row['suggested']:.3g}" if different else "")
        shares = [
            _pair(_percent(row[f"{scale}_share"]), _percent(after[scale][i]) if changed else "") for scale in SCALES
        ]
        name = f"<b>{escape(str(row['variable']))}</b>" if different else escape(str(row["variable"]))
        cells = "".join(f'<td class="n">{cell}</td>' for cell in (weight, *shares))
        rows.append(f"<tr><td>{name}</td><td>{escape(str(row['normaliser']))}</td>{cells}</tr>")
    return f"<div class='scroll'><table id='weights'><tr>{head}</tr>{''.join(rows)}</table></div>"


def _heads() -> list[str]:
    return [f"Share {text}" for text in SCALES.values()]


def _told(table: pd.DataFrame) -> str:
    """What the table shows, and the reason of each change."""
    text = (
        "Shares: of the weights; of the loss with errors of one standard deviation (a forecast of the mean); of the "
        "loss with errors as large as the changes over a step (persistence)."
    )
    if "reason" not in table:
        return f"<p class='soft'>{text}</p>"
    text += " Before → after, where the suggested weights are taken."
    lowered = table[table["multiplier"] < 1 - _SAME].sort_values("multiplier", kind="stable")
    reasons = "".join(f"<li>{escape(str(reason))}</li>" for reason in lowered["reason"] if "kept" not in str(reason))
    return f"<p class='soft'>{text}</p>" + (f"<ul>{reasons}</ul>" if reasons else "<p>No weight needs to change.</p>")


def _fine_tuning(verdict: Verdict) -> str:
    rate: Mapping[str, Any] | None = (verdict.advice or {}).get("fine_tuning")
    if not rate:
        return ""
    sweep = ", ".join(f"{r:.2g}" for r in rate["sweep"])
    return (
        f"<p><b>Fine-tuning (heuristic).</b> {escape(str(rate['mixing']))}; then try local learning rates of {sweep}; "
        f"{escape(str(rate['stop']))}.</p>"
    )


def _yaml(verdict: Verdict) -> str:
    text = str((verdict.advice or {}).get("yaml", ""))
    if not text:
        return ""
    return f"<details open><summary>YAML for anemoi-training</summary><pre>{escape(text)}</pre></details>"


def _pair(before: str, after: str) -> str:
    return f"{before} → {after}" if after and after != before else before


def _percent(value: float) -> str:
    return f"{100 * value:.2g} %" if value == value else "unknown"
