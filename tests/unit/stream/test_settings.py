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
    ("name", "value", "sentence"),
    [
        ("RUNTIME__TICK_MS", "6000", "'6000' is above 5,000 (write at most 5,000)"),
        ("RUNTIME__LEDGER_PARTITIONS", "0", "'0' is below 1 (write at least 1)"),
        ("RETRAIN__TOLERANCE", "much", "'much' is not a number (write a number: How much worse"),
        ("KAFKA__EXTERNAL", "perhaps", "'perhaps' is not true or false (write true or false: Whether Kafka"),
        ("KAFKA__PREFIX", "not/allowed", "'not/allowed' does not fit (What all names"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_the_mend(name, value, sentence):
    with pytest.raises(SettingsError) as caught:
        load({f"STREAMGAUGE_{name}": value})
    assert str(caught.value).startswith(f"STREAMGAUGE_{name}: {sentence}")


def test_a_section_is_no_setting_and_its_parts_are_named():
    with pytest.raises(SettingsError) as caught:
        load({"STREAMGAUGE_CLICKHOUSE": "http://user:hush@host"})
    assert "no setting STREAMGAUGE_CLICKHOUSE by itself; set one of STREAMGAUGE_CLICKHOUSE__DATABASE" in str(
        caught.value
    )
    assert "hush" not in str(caught.value)


def test_each_wrong_setting_is_a_line():
    with pytest.raises(SettingsError) as caught:
        load({"STREAMGAUGE_RUNTIME__TICK_MS": "soon", "STREAMGAUGE_KAFKA__WAIT_S": "-1"})
    assert str(caught.value).splitlines() == [
        "STREAMGAUGE_KAFKA__WAIT_S: '-1' is not above 0 (write more than 0)",
        "STREAMGAUGE_RUNTIME__TICK_MS: 'soon' is not a whole number (write a whole number: Time between the ticks of "
        "an intake worker, and of the log clock; slower ones count as behind)",
    ]


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
