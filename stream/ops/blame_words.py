"""What probably caused an incident, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.folds.decide.words import listed

if TYPE_CHECKING:
    from stream.ops.blame_cause import Carried, Cause
    from stream.ops.blame_first import First

_NAMES = {"source": "producer", "version": "version", "partition": "partition"}


def sentence(cause: Cause) -> str:
    """Return what changed, who carries it, and with which row it began."""
    parts = [_what(cause), *_who(cause)]
    if cause.first is not None:
        parts.append(f"It began with {_first(cause.first)}.")
    return " ".join(parts)


def _what(cause: Cause) -> str:
    if cause.target == "rows":
        return f"{cause.after:,.0f} rows, where {cause.before:,.0f} came before in as long a time."
    means = ""
    if cause.mean_before is not None and cause.mean_after is not None:
        means = f"; its mean was {cause.mean_before:.4g} and is {cause.mean_after:.4g}"
    shares = f"{_in_bin(cause.bin)} {cause.after:.1%} of {cause.rows_after:,} rows, before {cause.before:.1%}"
    return f"{cause.target.replace('_', ' ').strip()}: {shares}{means}."


def _in_bin(name: str) -> str:
    """Return the begin of a sentence about a bin.

    >>> _in_bin("missing"), _in_bin("[4, 7.5)"), _in_bin("above 9")
    ('missing in', 'in [4, 7.5) are', 'above 9 are')
    """
    if name in ("missing", "unseen"):
        return f"{name} in"
    return f"{name} are" if name.startswith(("above", "below")) else f"in {name} are"


def _who(cause: Cause) -> list[str]:
    if not cause.carriers:
        return ["Chance explains it in each segment: who carries it cannot be said."]
    first = cause.carriers[0]
    if not first.where:
        return ["All rows alike: no segment, producer or partition stands out."]
    told = [_carrier(cause, first)]
    others = [one for one in cause.carriers[1:] if one.where]
    told += [f"Then {place(one.where)} ({one.carried:.0%})." for one in others]
    return told


def _carrier(cause: Cause, one: Carried) -> str:
    whole = f"{one.carried:.0%} of the change comes from {place(one.where)}: "
    if cause.target == "rows":
        return f"{whole}{one.after:,.0f} rows, where {one.before:,.0f} came."
    shares = f"{_in_bin(one.bin)} {one.after:.1%} of its {one.rows:,} rows, before {one.before:.1%}"
    return f"{whole}{shares}, elsewhere {one.elsewhere:.1%}."


def place(where: dict[str, str]) -> str:
    """Return a cell as people say it.

    >>> place({"source": "feed-2", "origin": "ORD"})
    'producer feed-2 and origin ORD'
    """
    return listed([f"{_NAMES.get(name, name)} {value or '(no name)'}" for name, value in where.items()])


def _first(row: First) -> str:
    return (
        f"{row.prediction_id} ({row.topic}/{row.partition}, offset {row.offset}, line {row.line}; "
        f"ledger/{row.ledger_partition}, offset {row.ledger_position})"
    )
