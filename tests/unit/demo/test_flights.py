from datetime import UTC, datetime

import numpy as np
import pytest
from pyarrow import Table, csv

from stream.demo import flights as module
from stream.demo.flights import DAY_MS, HOUR_MS, WEATHER, data_folder, load, local_ms, utc_ms


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.fixture(scope="module")
def flights():
    return load()


@pytest.fixture(scope="module")
def raw() -> Table:
    import zipfile

    with zipfile.ZipFile(data_folder() / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        return csv.read_csv(file)


def test_all_flights_are_there_each_with_its_own_id_in_order_of_departure(flights):
    assert len(flights) == 336_776
    assert len(set(flights.ids)) == 336_776
    assert (np.diff(flights.departs_ms) >= 0).all()
    assert {len(column) for column in flights.features.values()} == {336_776}
    assert "month" not in flights.features


def test_flights_that_were_cancelled_or_diverted_have_no_label(flights, raw):
    never = raw["arr_delay"].null_count
    assert never == 9_430
    assert int((flights.late < 0).sum()) == int((flights.lands_ms == 0).sum()) == never
    assert int((flights.late == 1).sum()) == 77_630


def test_a_known_flight_has_the_times_found_by_hand(flights):
    # UA 1545, Newark to Houston, 1 January 2013: scheduled 05:15, landed 08:30 there, 11 minutes late.
    row = flights.ids.index("UA1545-EWR-2013-01-01T10:15Z")
    assert flights.departs_ms[row] == _ms("2013-01-01T10:15")
    assert flights.lands_ms[row] == _ms("2013-01-01T14:30")
    assert flights.late[row] == 0
    assert flights.features_of(row) == {
        "carrier": "UA", "origin": "EWR", "dest": "IAH", "distance": 1400, "hour": 5, "weekday": "Tue",
        "temp": 39.92, "humid": 62.21, "wind_speed": pytest.approx(12.66, abs=0.01), "precip": 0.0,
        "pressure": 1012.2, "visib": 10.0,
    }  # fmt: skip


def test_summer_time_moves_departures_by_an_hour(flights):
    first_ms, last_ms = _ms("2013-03-09T05:00"), _ms("2013-03-11T04:00")  # two local days, an hour short
    rows = np.flatnonzero((flights.departs_ms >= first_ms) & (flights.departs_ms < last_ms))
    shift = {
        (flights.ids[row][-17:-7], flights.departs_ms[row] // HOUR_MS % 24 - flights.features["hour"][row])
        for row in rows.tolist()
        if 5 < flights.features["hour"][row] < 18
    }
    assert shift == {("2013-03-09", 5), ("2013-03-10", 4)}


def test_departures_agree_with_the_instants_that_the_package_gives(flights, raw):
    given = raw["time_hour"].to_numpy().astype("datetime64[ms]").astype(np.int64) + raw["minute"].to_numpy() * 60_000
    assert (np.sort(given) == flights.departs_ms).all()


def test_landings_agree_with_the_clock_at_the_destination(raw):
    zones = module._zones(csv.read_csv(data_folder() / "airports.csv"))
    departs = module._departures(raw)
    delay = raw["arr_delay"].to_numpy().astype(float)
    landed = np.isfinite(delay)
    arrives = module._scheduled_arrivals(raw, departs, zones) + np.nan_to_num(delay).astype(np.int64) * 60_000
    shown = np.zeros(len(departs), np.int64)
    zone_of = np.array([zones[airport] for airport in raw["dest"].to_pylist()])
    for zone in set(zone_of.tolist()):
        rows = zone_of == zone
        clock = local_ms(arrives[rows], zone) % DAY_MS // 60_000
        shown[rows] = clock // 60 * 100 + clock % 60
    logged = np.nan_to_num(raw["arr_time"].to_numpy().astype(float)).astype(np.int64) % 2400
    assert int((shown[landed] != logged[landed]).sum()) == 1  # landed in the hour that summer time skipped


def test_nobody_is_faster_on_the_ground_and_in_the_air_than_in_the_air_alone(raw):
    zones = module._zones(csv.read_csv(data_folder() / "airports.csv"))
    departs = module._departures(raw)
    arr_delay, dep_delay, air = (raw[name].to_numpy().astype(float) for name in ("arr_delay", "dep_delay", "air_time"))
    scheduled = (module._scheduled_arrivals(raw, departs, zones) - departs) / 60_000
    gate_to_gate = (scheduled + arr_delay - dep_delay)[np.isfinite(arr_delay)]
    assert (gate_to_gate > air[np.isfinite(arr_delay)]).all()


def test_labels_come_after_the_departure_that_they_judge(flights):
    landed = flights.late >= 0
    minutes = (flights.lands_ms[landed] - flights.departs_ms[landed]) / 60_000
    assert minutes.min() == 18
    assert minutes.max() < 33 * 60


def test_weather_is_never_from_the_future_and_never_stale(flights):
    weather = csv.read_csv(data_folder() / "weather.csv")
    origin = np.array(flights.features["origin"])
    row = module._weather_rows(origin, flights.departs_ms, weather)
    hour_ms = weather["time_hour"].to_numpy().astype("datetime64[ms]").astype(np.int64)
    known = row >= 0
    age_ms = flights.departs_ms[known] - hour_ms[row[known]]
    assert age_ms.min() >= HOUR_MS
    assert age_ms.max() <= 6 * HOUR_MS
    assert np.median(age_ms) < 2 * HOUR_MS
    assert (np.array(weather["origin"].to_pylist())[row[known]] == origin[known]).all()
    assert all(value is None for name in WEATHER for value in np.array(flights.features[name], object)[~known])


def test_clocks_and_instants_are_inverse_outside_the_repeated_hour():
    hours = np.arange(_ms("2013-01-01T00:00"), _ms("2014-01-01T00:00"), HOUR_MS)
    back = utc_ms(local_ms(hours, "America/New_York"), "America/New_York")
    assert hours[back != hours].tolist() == [_ms("2013-11-03T06:00")]  # 01:00 comes twice: the first is meant


def test_two_flights_of_one_id_are_refused(raw):
    twice = raw.take([0, 0])
    with pytest.raises(ValueError, match="1 of 2 repeat"):
        module._ids(twice, np.zeros(2, np.int64))
