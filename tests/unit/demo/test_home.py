import socket

import pytest

from stream.demo.errors import DemoError
from stream.demo.home import clear, demo_settings, environment_words
from stream.local.ports import free_ports
from stream.local.state import alone
from stream.settings import ClickHouseSettings, KafkaSettings, Settings


@pytest.fixture
def base(tmp_path):
    kafka, clickhouse = free_ports(2), free_ports()
    return Settings(
        home=tmp_path,
        kafka=KafkaSettings(bootstrap=f"127.0.0.1:{kafka}"),
        clickhouse=ClickHouseSettings(url=f"http://127.0.0.1:{clickhouse}"),
    )


def test_a_demo_takes_the_users_ports_where_they_are_free(base):
    settings = demo_settings(base, "1")
    assert settings.kafka.bootstrap == base.kafka.bootstrap
    assert settings.clickhouse.url == base.clickhouse.url
    assert settings.kafka.prefix == "demo."
    assert settings.home == base.home / "demo"
    assert environment_words(base, settings) == ""


def test_a_taken_port_is_left_to_its_owner_and_commands_are_told_the_other(base):
    with socket.socket() as owner:
        owner.bind(("127.0.0.1", int(base.clickhouse.url.rpartition(":")[2])))
        owner.listen()
        settings = demo_settings(base, "1")
    assert settings.clickhouse.url != base.clickhouse.url
    assert environment_words(base, settings) == f"STREAMGAUGE_CLICKHOUSE__URL={settings.clickhouse.url} "


def test_on_parts_of_others_a_demo_has_names_of_its_own():
    base = Settings(
        kafka=KafkaSettings(bootstrap="broker:9092", external=True, prefix="ours."),
        clickhouse=ClickHouseSettings(url="http://store:8123", external=True, database="ours"),
    )
    settings = demo_settings(base, "17")
    assert (settings.kafka.bootstrap, settings.kafka.prefix) == ("broker:9092", "ours.demo17.")
    assert (settings.clickhouse.url, settings.clickhouse.database) == ("http://store:8123", "ours_demo17")
    assert environment_words(base, settings) == "STREAMGAUGE_CLICKHOUSE__DATABASE=ours_demo17 "


def test_each_demo_begins_anew_unless_one_is_running(base):
    settings = demo_settings(base, "1")
    clear(settings)
    (settings.home / "old").write_text("of an earlier demo")
    clear(settings)
    assert list(settings.home.iterdir()) == []
    with alone(settings.home), pytest.raises(DemoError, match="running already"):
        clear(settings)
