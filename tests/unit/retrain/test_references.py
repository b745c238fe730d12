"""References of first panes: built when they are there, awaited quietly until then, given up with a word."""

from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

import retrain.references as module
from retrain.references import FirstReferences, Revision
from stream.clickhouse.client import ClickHouseUnreachable
from stream.ops.controls import TooLargeError
from stream.ops.reference import ReferenceError
from stream.ops.reference_first import NotYetError
from stream.settings import Settings

SPEC = {
    "monitor": "m", "model": "m", "task": "binary", "features": {"x": {"type": "number"}},
    "reference": {"first": "200 panes"},
}  # fmt: skip


@pytest.fixture
def world(monkeypatch):
    """A topic with one revision that waits, and a store whose panes are there."""
    made = SimpleNamespace(waiting=[Revision("m", 1, SPEC)], error=None, built=[], looked=[])

    def look(_client, spec, panes):
        made.looked.append((spec.monitor, panes))
        if made.error:
            raise made.error
        return 0, 1

    def build(_settings, monitor, wanted, who):
        made.built.append((monitor, wanted.panes, who))
        return SimpleNamespace(sha="abc", revision=2)

    monkeypatch.setattr(module, "first_panes", look)
    monkeypatch.setattr(module, "build_and_apply", build)
    monkeypatch.setattr(module, "connect", lambda *_, **__: SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(module._Specs, "waiting", lambda _: made.waiting)
    return made


@pytest.fixture
def references():
    made = FirstReferences(Settings())
    yield made
    made.close()


def test_a_reference_is_built_of_the_panes_that_the_spec_names(world, references):
    references.build_all()
    assert world.built == [("m", 200, "first panes")]


@pytest.mark.parametrize("error", [NotYetError("12 of 200"), ClickHouseUnreachable("no answer")])
def test_what_is_not_there_yet_is_awaited(world, references, error):
    world.error = error
    with capture_logs() as logs:
        references.build_all()
    assert (world.built, {log["log_level"] for log in logs}) == ([], {"debug"})
    world.error = None
    references.build_all()
    assert len(world.built) == 1


@pytest.mark.parametrize("error", [ReferenceError("all rows lie in one pane"), TooLargeError("too large")])
def test_what_would_fail_again_is_said_once_and_tried_with_the_next_revision(world, references, error):
    world.error = error
    with capture_logs() as logs:
        references.build_all()
        references.build_all()
    assert [(log["event"], log["why"]) for log in logs] == [("no reference", str(error))]
    assert len(world.looked) == 1
    world.waiting, world.error = [Revision("m", 2, SPEC)], None
    references.build_all()
    assert len(world.built) == 1


def test_only_the_process_that_has_the_first_partition_looks(world, references):
    references.look(is_mine=False)
    assert references._running is None
    references.look(is_mine=True)
    references._running.result(10)
    references.look(is_mine=True)
    assert world.looked == [("m", 200)], "the next look is seconds later"


def test_an_error_that_nobody_foresaw_ends_the_process(world, references):
    world.error = RuntimeError("a bug")
    references.look(is_mine=True)
    with pytest.raises(RuntimeError, match="a bug"):
        references._running.exception(10) and references.look(is_mine=True)
