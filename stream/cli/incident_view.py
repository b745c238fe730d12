"""How incidents and the budget look in a terminal: lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from stream.ops.explain_words import days_of
from stream.ops.trace_panes import number, when

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.ops.explain_reads import Row


def table(rows: Sequence[Row]) -> list[str]:
    """Return one line for each incident, or that there is none."""
    if not rows:
        return ["No incident is open."]
    return [f"{row['id']}  {row['level']:<4} {row['kind']:<11} {_state(row):<28} {row['title']}" for row in rows]


def _state(row: Row) -> str:
    return "open" if row["is_open"] else f"closed {when(number(row['closed_ms']))}"


def budget(row: Row) -> str:
    """Return the false pages that there were beside those allowed, in a sentence."""
    watched = f"{row['model']}: watched for {days_of(cast('float', row['exposure_d']))}"
    pages = f"{row['pages']} pages ({row['real']} real, {row['not_worth']} not worth one, {row['false_pages']} false"
    told = f"{watched}, {pages}, {row['unanswered']} not answered)"
    if row["budget_d"] is None or row["rate_hi"] is None:
        return f"{told}."
    allowed = f"allowed: 1 false page in {days_of(cast('float', row['budget_d']))}"
    low, high = cast("float", row["rate_lo"] or 0.0), cast("float", row["rate_hi"])
    return f"{told}; {allowed}; realised {cast('float', row['rate']):.2g} (95 %: {low:.2g} to {high:.2g})."
