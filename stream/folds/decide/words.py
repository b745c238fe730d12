"""The sentences of verdicts and incidents: one generator, so that no two surfaces can disagree."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

DAY_MS = 86_400_000


def day(ms: int, pane_ms: int = DAY_MS) -> str:
    """Return a pane's start as people say it, in UTC.

    >>> day(1357084800000)
    '2 Jan 2013'
    >>> day(1357088400000, 3_600_000)
    '2 Jan 2013 01:00'
    """
    at = datetime.fromtimestamp(ms / 1000, UTC)
    date = f"{at.day} {at:%b %Y}"
    return date if pane_ms % DAY_MS == 0 else f"{date} {at:%H:%M}"


def instant(ms: int) -> str:
    """Return an instant as RFC 3339, in UTC.

    >>> instant(1357084800000)
    '2013-01-02T00:00:00.000Z'
    """
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return names as a list in a sentence.

    >>> listed(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else list(names))


def loss_title(
    model: str, metric: str, value: float, tolerated: float, group: tuple[str, str], since_ms: int, pane_ms: int
) -> str:
    """Return the sentence of lost performance; `group` is a segment's name and value, empty for all rows.

    >>> loss_title("m", "log_loss", 0.47, 0.43, ("origin", "ORD"), 0, DAY_MS)
    'm lost performance at origin ORD since 1 Jan 1970: log loss 0.470, tolerated 0.430'
    """
    where = f" at {group[0]} {group[1]}" if group[0] else ""
    return (
        f"{model} lost performance{where} since {day(since_ms, pane_ms)}: "
        f"{metric.replace('_', ' ')} {value:.3f}, tolerated {tolerated:.3f}"
    )
