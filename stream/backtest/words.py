"""Times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(ms: int) -> str:
    """Return an instant as RFC 3339, in UTC, with milliseconds only where there are some.

    >>> moment(1_357_084_800_000), moment(1_357_084_800_250)
    ('2013-01-02T00:00:00Z', '2013-01-02T00:00:00.250Z')
    """
    at = _EPOCH + timedelta(milliseconds=ms)
    return at.isoformat(timespec="milliseconds" if ms % 1000 else "seconds").replace("+00:00", "Z")


def instant_ms(text: str) -> int:
    """Return epoch milliseconds of an RFC 3339 instant.

    >>> instant_ms("2013-01-02T00:00:00.250Z")
    1357084800250
    """
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1)
