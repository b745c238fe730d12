from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.registry import Registry, Roles, Version
from models.training import UnusableError
from retrain import child
from retrain.child import Result
from retrain.edges import NotThereError
from retrain.event import RetrainEvent, Step, decode
from retrain.keys import public_bytes, trainer_key
from retrain.training import CancelledError, Limits, TrainingBroke, train_in_child
from retrain.training_set import training_set
from retrain.work import Work
from stream.settings import RetrainSettings
from stream.trust import load_version, trusted_keys

EVENT = RetrainEvent(
    id="rt-1", model="m", task="binary", features={"x": "number", "c": "category"}, cut={"0": 10, "1": 20},
    from_ms=0, to_ms=10**9, incident="INC-1",
)  # fmt: skip


def table(n: int = 1_000, seed: int = 1) -> pa.Table:
    rng = np.random.default_rng(seed)
    x, c = rng.normal(size=n), rng.integers(0, 3, n)
    return pa.table({
        "prediction_id": [f"p{i}" for i in range(n)],
        "event_ms": np.arange(n, dtype=np.int64),
        "numbers": pa.array([[("x", v)] for v in x.tolist()], pa.map_(pa.string(), pa.float64())),
        "texts": pa.array([[("c", f"C{v}")] for v in c.tolist()], pa.map_(pa.string(), pa.string())),
        "score": np.full(n, np.nan),
        "model_version": [""] * n,
        "label": (rng.random(n) < 1 / (1 + np.exp(-3 * x))).astype(float),
        "label_text": [""] * n,
        "label_ms": np.arange(n, dtype=np.int64) + 5,
    })  # fmt: skip


@dataclass
class MemoryBooks:
    entries: list[Version | Roles] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    dies_after_register: bool = False

    def registry(self) -> Registry:
        registry = Registry()
        for entry in self.entries:
            registry.apply(entry)
        return registry

    def register(self, version: Version) -> None:
        self.entries.append(version)
        if self.dies_after_register:
            self.dies_after_register = False
            raise SystemExit("killed")

    def tell(self, step: Step) -> None:
        self.steps.append(step)

    @property
    def told(self) -> list[str]:
        return [step.step for step in self.steps]


@dataclass
class MemoryStore:
    rows_: pa.Table
    positions: list[dict[int, int] | None] = field(default_factory=lambda: [{0: 10, 1: 20}])
    asked: int = 0

    def stored(self) -> Mapping[int, int]:
        self.asked += 1
        now = self.positions.pop(0) if len(self.positions) > 1 else self.positions[0]
        if now is None:
            raise NotThereError("down")
        return now

    def rows(self, event: RetrainEvent) -> pa.Table:
        return self.rows_


def train_here(folder, order, limits, is_cancelled, progress) -> Result:
    """What `train_in_child` does, without the seconds that a process takes to import river."""
    (folder / "job.json").write_bytes(msgspec.json.encode(order))
    return child.run(folder, progress)


def work(home: Path, books: MemoryBooks, store: MemoryStore, **settings: float) -> Work:
    return Work(home, RetrainSettings(**settings), books, store, wait=lambda _: None, train=train_here)


def test_an_event_becomes_a_signed_version_that_serving_trusts(tmp_path):
    books = MemoryBooks()
    version = work(tmp_path, books, MemoryStore(table())).do(EVENT)
    assert (version.version, version.manifest.retrain, version.manifest.rows) == ("1", "rt-1", 1_000)
    assert version.manifest.passed
    assert (version.manifest.trained_from_ms, version.manifest.trained_to_ms) == (0, 999)
    assert version.manifest.cut == {"0": 10, "1": 20}
    assert books.told == ["training", "trained"]
    assert books.steps[-1].version == "1"
    artifact = load_version(version, trusted_keys(tmp_path))
    assert 0 < artifact.pipeline.predict_proba_one({"x": 1.0, "c": "C0"})[True] < 1
    assert not list((tmp_path / "retrain").iterdir())


@pytest.mark.parametrize(("asked", "promised"), [("accuracy", "accuracy"), ("", "log_loss")])
def test_the_version_promises_the_metric_that_was_asked_for(tmp_path, asked, promised):
    event = msgspec.structs.replace(EVENT, metric=asked)
    validation = work(tmp_path, MemoryBooks(), MemoryStore(table())).do(event).manifest.validation
    known = {"accuracy": 1 - validation.losses.mean, "log_loss": validation.losses.mean}
    assert validation.metric == promised
    assert validation.metrics[promised] == pytest.approx(known[promised])


def test_a_metric_that_no_version_can_promise_fails_with_the_reason(tmp_path):
    books = MemoryBooks()
    event = msgspec.structs.replace(EVENT, metric="auc")
    assert work(tmp_path, books, MemoryStore(table())).do(event) is None
    assert "'auc' in a binary task; judged are: log_loss, brier, accuracy" in books.steps[-1].why


def test_an_event_done_before_is_only_told_again(tmp_path):
    books, store = MemoryBooks(), MemoryStore(table())
    first = work(tmp_path, books, store).do(EVENT)
    asked = store.asked
    assert work(tmp_path, books, store).do(EVENT) == first
    assert (len(books.entries), store.asked) == (1, asked)
    assert books.told == ["training", "trained", "trained"]
    assert len({step.command(0) for step in books.steps}) == 2


def test_killed_after_the_record_was_written_the_event_is_told_and_nothing_is_registered_again(tmp_path):
    books, store = MemoryBooks(dies_after_register=True), MemoryStore(table())
    with pytest.raises(SystemExit):
        work(tmp_path, books, store).do(EVENT)
    assert books.told == ["training"]
    work(tmp_path, books, store).do(EVENT)
    assert [entry.version for entry in books.entries] == ["1"]
    assert books.told == ["training", "trained"]


def test_begun_again_the_training_gives_the_same_artifact(tmp_path):
    versions = [work(tmp_path / str(i), MemoryBooks(), MemoryStore(table())).do(EVENT) for i in range(2)]
    assert versions[0].manifest.sha256 == versions[1].manifest.sha256
    assert versions[0].manifest.validation == versions[1].manifest.validation


def test_the_next_version_is_compared_with_the_champion_of_the_event(tmp_path):
    books, store = MemoryBooks(), MemoryStore(table())
    work(tmp_path, books, store).do(EVENT)
    again = decode(json.dumps({**_plain(EVENT), "id": "rt-2", "champion": "1"}).encode())
    version = work(tmp_path, books, MemoryStore(table(2_000, seed=2))).do(again)
    assert (version.version, version.manifest.parent) == ("2", "1")
    assert version.manifest.validation.champion.version == "1"
    assert "on 400 rows that neither had learnt" in version.manifest.why


def test_a_champion_whose_artifact_is_gone_does_not_stop_a_training(tmp_path):
    books, store = MemoryBooks(), MemoryStore(table())
    first = work(tmp_path, books, store).do(EVENT)
    for path in (tmp_path / "artifacts").iterdir():
        path.unlink()
    again = decode(json.dumps({**_plain(EVENT), "id": "rt-2", "champion": first.version}).encode())
    version = work(tmp_path, books, store).do(again)
    assert "champion 1 could not be compared" in version.manifest.why


def _plain(event: RetrainEvent) -> dict[str, object]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


def test_it_waits_until_the_store_has_passed_the_cut(tmp_path):
    store = MemoryStore(table(), [None, {}, {0: 9, 1: 30}, {0: 10, 1: 19}, {0: 10, 1: 20}])
    assert work(tmp_path, MemoryBooks(), store).do(EVENT) is not None
    assert store.asked == 5


def test_a_store_that_stays_behind_fails_the_retrain_with_what_lacks(tmp_path):
    books = MemoryBooks()
    store = MemoryStore(table(), [{0: 10, 1: 17}])
    assert work(tmp_path, books, store, store_wait_s=0.01).do(EVENT) is None
    assert books.told == ["training", "failed"]
    assert "partition 1 lacks 3 positions" in books.steps[-1].why


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (table(499), "499 labelled rows are fewer than 500"),
        (table(0), "0 labelled rows are fewer than 500"),
        (table().set_column(6, "label", [np.zeros(1_000)]), "have the same label"),
        (table().set_column(6, "label", [np.full(1_000, 3.0)]), "must be 0 and 1, got 3"),
    ],
)
def test_an_unusable_training_set_fails_with_the_reason(tmp_path, rows, why):
    books = MemoryBooks()
    assert work(tmp_path, books, MemoryStore(rows)).do(EVENT) is None
    assert books.told == ["training", "failed"]
    assert why in books.steps[-1].why
    assert not books.entries


def test_an_unknown_trainer_fails_with_the_reason(tmp_path):
    books = MemoryBooks()
    event = decode(json.dumps({**_plain(EVENT), "trainer": "os.system"}).encode())
    assert work(tmp_path, books, MemoryStore(table())).do(event) is None
    assert "there is no trainer 'os.system'" in books.steps[-1].why


def test_only_the_newest_rows_are_learnt(tmp_path):
    version = work(tmp_path, MemoryBooks(), MemoryStore(table(1_000)), max_rows=600).do(EVENT)
    assert (version.manifest.rows, version.manifest.trained_from_ms) == (600, 400)


def test_work_that_is_taken_away_tells_and_registers_nothing_more(tmp_path):
    books = MemoryBooks()
    taken = Work(tmp_path, RetrainSettings(), books, MemoryStore(table()), is_cancelled=lambda: True)
    with pytest.raises(CancelledError):
        taken.do(EVENT)
    assert (books.told, books.entries) == (["training"], [])


def test_a_training_that_breaks_is_tried_twice_and_then_fails(tmp_path):
    tries = []

    def breaks(*_):
        tries.append(1)
        raise TrainingBroke("killed by signal 9")

    books = MemoryBooks()
    broken = replace(work(tmp_path, books, MemoryStore(table())), train=breaks)
    assert broken.do(EVENT) is None
    assert len(tries) == 2
    assert books.steps[-1].why == "killed by signal 9 (2 attempts)"


def test_a_child_process_trains_and_tells_its_progress(tmp_path):
    told = []
    order = work(tmp_path, MemoryBooks(), MemoryStore(table()))._order(EVENT, None)
    pq.write_table(table(), tmp_path / "rows.parquet")
    result = train_in_child(tmp_path, order, Limits(120, 120), lambda: False, lambda *beat: told.append(beat))
    assert (result.passed, result.rows, told[-1]) == (True, 1_000, (1_000, 1_000))
    artifact = (tmp_path / "artifact.bin").read_bytes()
    assert result == train_here(tmp_path, order, None, None, lambda *_: None)
    assert artifact == (tmp_path / "artifact.bin").read_bytes()


def test_a_child_that_takes_too_long_is_ended(tmp_path):
    order = work(tmp_path, MemoryBooks(), MemoryStore(table()))._order(EVENT, None)
    with pytest.raises(TrainingBroke, match=r"longer than 0\.01 s"):
        train_in_child(tmp_path, order, Limits(0.01, 60), lambda: False, lambda *_: None)


def test_a_child_that_crashes_says_why(tmp_path):
    order = work(tmp_path, MemoryBooks(), MemoryStore(table()))._order(EVENT, None)
    with pytest.raises(TrainingBroke, match=r"(?s)ended with 1.*rows\.parquet"):
        train_in_child(tmp_path, order, Limits(60, 60), lambda: False, lambda *_: None)


def test_the_key_is_private_made_once_and_its_public_half_is_trusted(tmp_path):
    key = trainer_key(tmp_path)
    assert public_bytes(trainer_key(tmp_path)) == public_bytes(key)
    assert trusted_keys(tmp_path) == {public_bytes(key)}
    assert stat.S_IMODE((tmp_path / "keys" / "trainer.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_rows_are_numbers_and_texts_in_one_and_absent_ones_stay_absent():
    numbers = pa.array([[("a", 1.0), ("b", 2.0)], [], [("a", 3.0)]], pa.map_(pa.string(), pa.float64()))
    texts = pa.array([[("c", "u")], [("c", "v")], []], pa.map_(pa.string(), pa.string()))
    rows = pa.table({
        "event_ms": [1, 2, 3], "numbers": numbers, "texts": texts,
        "label": [1.0, 0.0, float("nan")], "label_text": ["", "", "yes"],
    })  # fmt: skip
    data = training_set(rows, "binary", 10, positive="yes")
    assert data.rows == [{"a": 1.0, "b": 2.0, "c": "u"}, {"c": "v"}, {"a": 3.0}]
    assert data.labels.tolist() == [1, 0, 1]
    assert training_set(rows, "binary", 2).rows == data.rows[1:]
    with pytest.raises(UnusableError, match="must be numbers, got 'yes'"):
        training_set(rows, "regression", 10)


def test_a_command_names_who_and_what():
    step = Step(retrain="rt-1", model="m", step="trained", version="2", why="better")
    assert json.loads(step.command(7)) == {
        "id": "rt-1/trained", "command": "step", "model": "m", "who": "retrain", "at_ms": 7,
        "args": {"retrain": "rt-1", "step": "trained", "version": "2", "why": "better"},
    }  # fmt: skip
