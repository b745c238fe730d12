"""What `decide`, `store` and the retraining consumer write to each other is read as it is written."""

from __future__ import annotations

import base64
import json

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from models.metrics import JUDGED
from models.registry import Losses, Roles, Validation, Version, decode
from retrain import event as events
from retrain.child import Result
from retrain.event import RetrainEvent, Step
from retrain.record import version_record
from stream.folds.base import Record
from stream.folds.decide.emit import Emit
from stream.folds.decide.judged import FIRST_LOSS
from stream.folds.decide.loop import Command, VersionRecord
from stream.folds.decide.retrains import Ask, ask_retrain
from stream.folds.decide.state import Loop
from stream.folds.monitor import monitor_of
from stream.folds.store import tables

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
EVENT = RetrainEvent(
    id="rt-1", model="m", task="binary", features={"x": "number"}, cut={"0": 1}, from_ms=0, to_ms=9, champion="1"
)


def record(tmp_path) -> Version:
    validation = Validation(
        rows=100, metrics={"log_loss": 0.1, "auc": None}, losses=Losses(100, 0.1, 0.2), metric="brier"
    )
    result = Result(passed=True, why="better", rows=500, trained_from_ms=1, trained_to_ms=8, validation=validation)
    return version_record(EVENT, "2", result, b"bytes", tmp_path / "a b.bin", KEY)


def test_store_and_decide_read_a_version_record(tmp_path):
    version = record(tmp_path)
    value = msgspec.json.encode(version)
    stored = tables("models", 0, [Record(3, 7, value, version.key)])
    assert not stored.poison
    assert [batch.table for batch in stored.batches] == ["version_rows"]
    told = msgspec.json.decode(value, type=VersionRecord)
    assert (told.version, told.manifest.retrain, told.manifest.passed) == ("2", "rt-1", True)
    assert told.manifest.validation.losses == {"n": 100, "mean": 0.1, "sd": 0.2}
    assert told.manifest.validation.metric == "brier"
    assert base64.b64decode(version.signature) == KEY.sign(b"bytes")


def test_decide_reads_a_step():
    step = Step(retrain="rt-1", model="m", step="failed", why="too few")
    command = msgspec.json.decode(step.command(1), type=Command)
    assert (command.command, command.args["step"], command.args["why"]) == ("step", "failed", "too few")


@pytest.mark.parametrize(
    ("task", "metric", "judged"),
    [
        ("binary", "log_loss", "log_loss"), ("binary", "brier", "brier"), ("binary", "accuracy", "accuracy"),
        ("binary", "auc", ""), ("regression", "mae", "mae"), ("regression", "rmse", "rmse"),
    ],
)  # fmt: skip
def test_a_retrain_event_of_decide_is_read(task, metric, judged):
    spec = {
        "monitor": "m", "model": "m", "task": task, "pane": "1h",
        "features": {"x": {"type": "number"}, "c": {"type": "category"}},
        "labels": {"horizon": "7d"}, "retrain": {"on": ["performance"]},
        "performance": {"metric": metric, "tolerance": 0.02},
    }  # fmt: skip
    value = json.dumps({"monitor": "m", "revision": 1, "spec": spec, "at_ms": 0, "who": "me"}).encode()
    emit = Emit(position=4, known_ms=5, partition=2)
    ask = Ask("manual", "c-1", "asked", {}, 1_000)
    ask_retrain(Loop(), monitor_of(value), ask, [(0, 7), (3, 9)], emit)
    (output,) = [output for output in emit.outputs() if output.topic == "retrain"]
    event = events.decode(output.value)
    assert (event.model, event.task, event.features) == ("m", task, {"x": "number", "c": "category"})
    assert event.metric == judged
    assert (event.positions, event.to_ms, event.champion) == ({0: 7, 3: 9}, 1_000, "")


def test_what_is_meant_where_no_metric_is_named_is_the_same_for_trainer_and_decide():
    assert {task: judged[0] for task, judged in JUDGED.items()} == FIRST_LOSS


def test_a_role_record_of_decide_is_read():
    written = {
        "record": "roles", "model": "m", "champion": "2", "shadows": ["3"], "position": [1, 8], "why": "better",
    }  # fmt: skip
    assert decode(json.dumps(written).encode()) == Roles(
        model="m", champion="2", shadows=("3",), position=(1, 8), why="better"
    )
