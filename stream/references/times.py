"""Times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from streamgauge.durations import DAY_MS


def moment(ms: int) -> str:
    """Return a time as people write it: a date, or date and time, UTC.

    >>> moment(1_356_998_400_000), moment(1_356_998_460_000)
    ('2013-01-01', '2013-01-01T00:01:00Z')
    """
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    return at.date().isoformat() if ms % DAY_MS == 0 else at.isoformat().replace("+00:00", "Z")
