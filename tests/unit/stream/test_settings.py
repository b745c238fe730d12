from pathlib import Path

import pytest

from stream.settings import Settings, SettingsError, as_environment, load, settings_table


def test_defaults_are_those_of_one_machine():
    settings = load({})

    assert settings.kafka.bootstrap == "127.0.0.1:9092"
    assert settings.runtime.ledger_partitions == 4
    assert settings.home == Path(".streamgauge")


def test_sections_are_read_from_the_environment():
    settings = load({"STREAMGAUGE_RUNTIME__TICK_MS": "250", "STREAMGAUGE_HOME": "/data", "PATH": "/bin"})

    assert (settings.runtime.tick_ms, settings.home) == (250, Path("/data"))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("STREAMGAUGE_KAFKKA__BOOTSTRAP", "STREAMGAUGE_KAFKA__BOOTSTRAP"),
        ("STREAMGAUGE_KAFKA__BOOTSTAP", "STREAMGAUGE_KAFKA__BOOTSTRAP"),
        ("STREAMGAUGE_HOMES", "STREAMGAUGE_HOME"),
    ],
)
def test_a_mistyped_variable_is_an_error_that_names_the_nearest(name, meant):
    with pytest.raises(SettingsError, match=rf"no setting {name}; did you mean {meant}\?"):
        load({name: "x"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STREAMGAUGE_RUNTIME__TICK_MS", "soon"),
        ("STREAMGAUGE_RUNTIME__TICK_MS", "6000"),
        ("STREAMGAUGE_RUNTIME__LEDGER_PARTITIONS", "0"),
        ("STREAMGAUGE_KAFKA__PREFIX", "not/allowed"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(name, value):
    section = name.rpartition("__")[0]
    with pytest.raises(SettingsError, match=section):
        load({name: value})


def test_secrets_are_not_printed_but_reach_child_processes():
    settings = load({"STREAMGAUGE_CLICKHOUSE__PASSWORD": "hush"})

    assert "hush" not in repr(settings)
    assert as_environment(settings)["STREAMGAUGE_CLICKHOUSE__PASSWORD"] == "hush"
    assert load(as_environment(settings)) == settings


def test_the_process_environment_is_read(monkeypatch):
    monkeypatch.setenv("STREAMGAUGE_KAFKA__PREFIX", "mine.")

    assert load().kafka.prefix == "mine."


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        Settings().runtime.tick_ms = 1


def test_the_table_describes_every_variable():
    table = settings_table()

    assert all(f"`{name}`" in table for name in as_environment(Settings()))
    assert "None |" not in table
