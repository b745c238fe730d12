"""A probable cause of an incident: what changed, who carries it, and the row with which it began."""

from __future__ import annotations

from dataclasses import dataclass

from stream.ops.blame_first import First


@dataclass(frozen=True, slots=True)
class Carried:
    """A cell that carries a part of a change: of its rows `after` are in `bin`, `before` were, `elsewhere` others are.

    `where` is empty for all rows, or all that are left; `carried` is its part of the whole change, 0 to 1; `score` says
    how sure it is. Of numbers of rows: how many there were for an equal span, and are.
    """

    where: dict[str, str]
    carried: float
    score: float
    rows: int
    bin: str
    before: float
    after: float
    elsewhere: float


@dataclass(frozen=True, slots=True)
class Cause:
    """What changed of one thing, and who carries it.

    Attributes
    ----------
    target
        A feature, an answer, a metric, ``rows`` or ``labels``.
    bin, before, after
        Where most rows came to, and the shares of rows there; of `rows` their numbers for equal spans.
    mean_before, mean_after
        Of numbers; None for others.
    carriers
        The surest first; none where chance explains the change of what was looked at.
    first
        The row with which it began, in the surest cell.
    """

    target: str
    rows_before: int
    rows_after: int
    bin: str
    before: float
    after: float
    mean_before: float | None = None
    mean_after: float | None = None
    carriers: tuple[Carried, ...] = ()
    first: First | None = None
    sentence: str = ""
