import pytest

from stream.folds.blocks import Fact, Source, encode_entry
from stream.folds.partials import Forwarded, Message, encode_messages
from stream.settings import KafkaSettings, RuntimeSettings, Settings
from stream.topics import configuration, message_bytes, partitions
from stream.topology import (
    CONTROL_BYTES,
    LEDGER,
    PARTIALS,
    SPECS,
    TOPIC,
    TOPICS,
    WIRING,
    WIRINGS,
    diagram,
    logical_name,
)


def test_folds_read_and_write_topics_that_exist():
    for wiring in WIRINGS:
        assert {*wiring.reads, *wiring.writes} <= TOPIC.keys()


def test_measure_reads_the_ledger_alone_and_decide_the_partials_alone():
    assert (WIRING["measure"].reads, WIRING["decide"].reads) == (("ledger",), ("partials",))


def test_every_topic_is_read_or_written_by_a_fold_or_holds_checkpoints():
    used = {topic for wiring in WIRINGS for topic in wiring.reads + wiring.writes}

    assert TOPIC.keys() - used == {"checkpoints"}


def test_the_ledger_and_the_partials_are_in_broker_time():
    assert {configuration(topic)["message.timestamp.type"] for topic in (LEDGER, PARTIALS)} == {"LogAppendTime"}
    assert configuration(LEDGER)["max.message.bytes"] == str(9 << 20)


@pytest.mark.parametrize("most", [1_000_000, CONTROL_BYTES, 64_000_000])
def test_a_control_record_fits_into_its_topic_and_as_a_fact_into_ledger_and_partials(most):
    settings = Settings(kafka=KafkaSettings(control_bytes=most))
    fact = encode_entry(Fact(Source("specs", "an id of 22 characters", 0), 0, 1, b"key", bytes(most)))
    forwarded = Message(0, 0, 1, 0, 1, 0, facts=(Forwarded("specs", b"key", bytes(most)),))

    assert most < message_bytes(SPECS, settings) < message_bytes(LEDGER, settings)
    assert len(fact) + 1_000 < message_bytes(LEDGER, settings)
    assert max(map(len, encode_messages(forwarded))) + 1_000 < message_bytes(PARTIALS, settings)
    assert message_bytes(TOPIC["labels"], settings) == TOPIC["labels"].max_message_bytes


def test_settings_choose_the_partitions_of_ledger_and_partials():
    settings = Settings(runtime=RuntimeSettings(ledger_partitions=16, partials_partitions=2))

    assert [partitions(settings, topic) for topic in (LEDGER, PARTIALS, SPECS)] == [16, 2, 1]


def test_the_diagram_names_all_topics_that_folds_use():
    text = diagram()

    assert all(f"[({topic.name})]" in text for topic in TOPICS if topic.name != "checkpoints")
    assert "retrain-fold" in text, "a fold may share a topic's name, not its node"


def test_a_name_under_another_prefix_is_refused():
    with pytest.raises(ValueError, match="does not begin with the prefix"):
        logical_name("a.", "b.ledger")
