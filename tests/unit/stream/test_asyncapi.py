"""The AsyncAPI document is valid, complete, and says what the code reads and writes."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from jsonschema import Draft7Validator
from streamgauge import Refusal, decode
from streamgauge.kserve import REQUEST
from typer.testing import CliRunner

from stream.cli.contract import app
from stream.contract import examples
from stream.contract.asyncapi import asyncapi
from stream.contract.schemas import schemas
from stream.folds.base import Record
from stream.folds.blocks import Source
from stream.folds.bridge import Bridge
from stream.folds.deadletters import dead_letter
from stream.folds.decide import incidents, retrains
from stream.folds.decide.emit import Emit
from stream.folds.decide.state import Loop
from stream.folds.monitor import Monitor
from stream.runtime.alarm import stopped
from stream.settings import KafkaSettings, Settings
from stream.topology import MIB, TOPIC, TOPICS, Topic
from tests.property.test_wire_laws import ANY_EVENT, encode

INFERENCE = Topic("inference", "any", 1, "delete", 1, "broker", MIB, "KServe's log.", public=True)
PUBLIC = [*(topic for topic in TOPICS if topic.public), *([] if "inference" in TOPIC else [INFERENCE])]
EXAMPLES = [(name, shown) for name, found in asyncapi(Settings(), PUBLIC)["components"]["messages"].items()
            for shown in found.get("examples", [])]  # fmt: skip
KINDS = {"FeatureEvent": "features", "PredictionEvent": "predictions", "LabelEvent": "labels"}


@cache
def document():
    return asyncapi(Settings(), PUBLIC)


def test_it_is_a_document_of_asyncapi_3():
    official = json.loads((Path(__file__).parents[2] / "data" / "asyncapi-3.0.0.json").read_text())
    assert [error.message for error in Draft7Validator(official).iter_errors(document())] == []


def test_the_official_schema_refuses_a_wrong_document():
    official = json.loads((Path(__file__).parents[2] / "data" / "asyncapi-3.0.0.json").read_text())
    wrong = json.loads(json.dumps(document()))
    wrong["channels"]["labels"]["bindings"]["kafka"]["partitions"] = "four"
    assert not Draft7Validator(official).is_valid(wrong)


def test_every_reference_leads_somewhere():
    def walk(value):
        if isinstance(value, dict):
            for name, each in value.items():
                if name == "$ref":
                    found = document()
                    for step in each.removeprefix("#/").split("/"):
                        found = found[step]
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    walk(document())


def test_each_public_topic_is_a_channel_with_an_operation():
    names = {topic.name for topic in PUBLIC}
    assert document()["channels"].keys() == names
    actions = {operation["channel"]["$ref"]: operation["action"] for operation in document()["operations"].values()}
    assert {name: actions[f"#/channels/{name}"] for name in names} == {
        "features": "receive", "predictions": "receive", "labels": "receive", "inference": "receive",
        "alerts": "send", "retrain": "send", "dead-letters": "send",
    }  # fmt: skip


def test_names_and_numbers_are_those_of_the_settings():
    found = asyncapi(Settings(kafka=KafkaSettings(prefix="shop.", public_partitions=6)))["channels"]
    assert found["labels"]["address"] == "shop.labels"
    assert found["labels"]["bindings"]["kafka"]["partitions"] == 6
    assert found["alerts"]["bindings"]["kafka"]["topicConfiguration"]["max.message.bytes"] == MIB


def validator(schema) -> Draft7Validator:
    return Draft7Validator({**schema, "components": document()["components"]})


@pytest.mark.parametrize(("name", "shown"), EXAMPLES, ids=[f"{name} {shown['name']}" for name, shown in EXAMPLES])
def test_an_example_is_what_its_schema_says(name, shown):
    validator(document()["components"]["messages"][name]["payload"]).validate(shown["payload"])


@pytest.mark.parametrize(
    ("name", "shown"), [(name, shown) for name, shown in EXAMPLES if name.startswith(tuple(KINDS))],
    ids=lambda each: each if isinstance(each, str) else each["name"],
)  # fmt: skip
def test_an_example_of_an_event_is_read(name, shown):
    payload, message = shown["payload"], document()["components"]["messages"][name]
    value = (payload if isinstance(payload, str) else json.dumps(payload)).encode()
    kind = next(kind for event, kind in KINDS.items() if name.startswith(event))
    found = decode(kind, value, [("content-type", message["contentType"].encode())])
    assert not any(isinstance(each, Refusal) for each in found)


def test_the_examples_of_an_inference_are_a_pair():
    fold = Bridge(0)
    records = [
        Record(
            at,
            0,
            json.dumps(shown["payload"]).encode(),
            b"",
            tuple((n, t.encode()) for n, t in shown["headers"].items()),
        )
        for at, shown in enumerate(examples.INFERENCE)
    ]
    assert dict(records[0].headers)["ce_type"].decode() == REQUEST
    (output,) = fold.step(fold.start(), records)
    assert [each.score for each in decode("predictions", output.value, output.headers)] == [0.23, 0.5]


@settings(max_examples=50)
@given(ANY_EVENT)
def test_what_is_encoded_is_what_the_schema_says(case):
    _, event = case
    Draft7Validator(schemas()[type(event).__name__]).validate(json.loads(encode(event)))


LIMITS = {
    "a long id": ("LabelEvent", {"prediction_id": "a" * 257, "model": "m", "event_time": 5, "label": 1}),
    "no label": ("LabelEvent", {"prediction_id": "a", "model": "m", "event_time": 5}),
    "a typo": ("LabelEvent", {"prediction_id": "a", "model": "m", "event_time": 5, "label": 1, "x": 1}),
    "a revision above 127": (
        "LabelEvent", {"prediction_id": "a", "model": "m", "event_time": 5, "label": 1, "revision": 128},
    ),
    "a late time": ("PredictionEvent", {"prediction_id": "a", "model": "m", "event_time": 10**14}),
    "too many features": (
        "PredictionEvent",
        {"prediction_id": "a", "model": "m", "event_time": 5, "features": dict.fromkeys(map(str, range(2001)))},
    ),
    "a list as score": ("PredictionEvent", {"prediction_id": "a", "model": "m", "event_time": 5, "score": [1]}),
}  # fmt: skip


@pytest.mark.parametrize(("name", "values"), LIMITS.values(), ids=LIMITS.keys())
def test_what_the_schema_refuses_is_refused(name, values):
    assert not Draft7Validator(schemas()[name]).is_valid(values)
    assert isinstance(decode(KINDS[name], json.dumps(values).encode())[0], Refusal)


MONITOR = Monitor(
    name="d", model="m", task="binary", revision=1, pane_ms=1, lateness_ms=0, horizon_ms=1, idle_ms=1,
    features=(("x", "number"),), segments=(), metric="log_loss", tolerance=0.02, retrain_on=(), trainer="",
    reference=None, reference_sha="", lineage="5be2", spec="{}",
)  # fmt: skip


def test_alerts_are_what_their_schema_says():
    emit, state = Emit(0, 7, 1_357_035_300_000), Loop()
    incident = incidents.open_incident(state, MONITOR, "drift", "warning", "x drifts", ["x"], 5, 4)
    incidents.tell(MONITOR, incident, "open", "x drifts", {"sure": {"p": 1e-9, "threshold": 1e-3}}, emit)
    incidents.close(state, MONITOR, incident, 9, "quiet", emit)
    written = [output.value for output in emit.records if output.topic == "alerts"]
    assert len(written) == 2
    for value in [*written, stopped("measure", "measure-1", "a gap", 0).value]:
        Draft7Validator(schemas()["Alert"]).validate(json.loads(value))


def test_requests_to_retrain_are_what_their_schema_says():
    emit = Emit(0, 7, 1_357_035_300_000)
    ask = retrains.Ask("performance", "INC-1", "worse", {"verdict": "v-1"}, 9)
    retrains.ask_retrain(Loop(), MONITOR, ask, [(0, 7)], emit)
    (value,) = [output.value for output in emit.records if output.topic == "retrain"]
    Draft7Validator(schemas()["RetrainRequest"]).validate(json.loads(value))
    assert json.loads(value).keys() == schemas()["RetrainRequest"]["properties"].keys()


def test_dead_letters_are_what_their_schema_says():
    (refusal,) = decode("labels", b"{")
    letter = dead_letter(Source("labels", "t", 0), 8, 0, 5, refusal)
    Draft7Validator(schemas()["DeadLetter"]).validate(json.loads(letter.value))


def test_the_command_prints_the_document_as_yaml_and_as_json():
    runner = CliRunner()
    as_yaml = runner.invoke(app, ["asyncapi"])
    as_json = runner.invoke(app, ["asyncapi", "--format", "json"])
    assert yaml.safe_load(as_yaml.output) == json.loads(as_json.output)
    assert json.loads(as_json.output)["asyncapi"] == "3.0.0"


def test_the_command_prints_one_schema_or_the_names_of_all():
    runner = CliRunner()
    assert runner.invoke(app, ["schema"]).output.count("\n") == len(schemas())
    assert json.loads(runner.invoke(app, ["schema", "LabelEvent"]).output)["title"] == "LabelEvent"
    mistyped = runner.invoke(app, ["schema", "labels"])
    assert (mistyped.exit_code, "did you mean LabelEvent?" in mistyped.output) == (2, True)
