"""One run: a system is made ready, gets the load, is (or is not) attacked, comes to an end, and is looked at."""

from __future__ import annotations

import contextlib
import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from benchmarks.chaos.faults import Field, strike
from benchmarks.chaos.feeds import Feed, LivePusher, ReplayPusher
from benchmarks.chaos.load import ROUND_MS, Live
from benchmarks.chaos.outcome import Outcome, newest_panes, outcome
from benchmarks.chaos.recovery import Watch
from benchmarks.chaos.replayed import DAYS, START_MS, Replayed
from benchmarks.chaos.schedule import grouped
from benchmarks.chaos.system import Lags, StuckError, System, wait_for
from benchmarks.chaos.truth import Truth, truth
from benchmarks.chaos.watched import CHURN, DAY_MS, MODELS, PRICE, SPECIES, SPECS, Sizes, references
from stream.ops.controls import publish, read_values
from stream.ops.spec import apply
from stream.settings import Settings

PROMISES = {CHURN: ("log_loss", 0.5), PRICE: ("rmse", 4.0)}
"""Mean loss that the version that serves promised, by model: what lost performance is measured against."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What both runs have in common.

    Attributes
    ----------
    base_ms
        Event time of today's first round.
    pace_s
        Seconds between two rounds of today's models under fire; the undisturbed run takes the time that it needs.
    away_s
        The longest absence of each part that is kept away.
    calm_s
        Seconds between two faults, about.
    volley
        Kinds that come one right after the other, before anything has recovered.
    """

    seed: int
    base_ms: int
    sizes: Sizes
    pace_s: float
    away_s: Mapping[str, float]
    calm_s: float
    volley: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A fault as it came: seconds into the load, kind, what it did, seconds of recovery."""

    at_s: float
    kind: str
    what: str
    recovery_s: float


@dataclass(slots=True)
class Run:
    """What a run has come to; `rounds` are those of today's models and of the replayed one."""

    truth: Truth
    outcome: Outcome
    rounds: tuple[int, int]
    seconds: float
    hits: list[Hit] = field(default_factory=list)


Tell = Callable[[str], None]
Strike = Callable[[Callable[[], None]], list[Hit]]


def undisturbed(system: System, plan: Plan, rounds: tuple[int, int], tell: Tell) -> Run:
    """Give a system so many rounds, each when the one before is in the ledger."""
    return _run(system, plan, 0.0, rounds, tell, lambda _check: [])


def under_fire(system: System, plan: Plan, kinds: Sequence[str], tell: Tell, ended: threading.Event) -> Run:
    """Give a system load for as long as it takes to strike all faults, or until `ended` is set."""

    def attack(check: Callable[[], None]) -> list[Hit]:
        def is_over() -> bool:
            check()
            return ended.is_set()

        return _strike(system, plan, kinds, tell, is_over)

    return _run(system, plan, plan.pace_s, None, tell, attack)


def _run(system: System, plan: Plan, pace_s: float, rounds: tuple[int, int] | None, tell: Tell, attack: Strike) -> Run:
    started, settings = time.monotonic(), system.settings
    tell("specs, references and versions")
    with Lags(settings) as lags:
        _make_ready(settings, plan, lags)
    live = Live(plan.seed, plan.base_ms, plan.sizes, settings.kafka.public_partitions)
    today, years = rounds or (None, None)
    with (
        LivePusher(settings, live, pace_s) as pusher,
        ReplayPusher(settings, Replayed(plan.seed, plan.sizes), pace_s) as replay,
    ):
        feeds = Feed("live", pusher.push, today), Feed("replay", replay.push, years)
        for feed in feeds:
            feed.start()
        tell("load")
        hits = _struck(attack, feeds, rounds)
        pushed = feeds[0].finish(), feeds[1].finish()
        pusher.collect()
        acked = pusher.acked
    tell(f"closing after {pushed[0]} and {pushed[1]} rounds")
    with Lags(settings) as lags:
        _close(settings, plan, pushed, lags)
    tell("looking")
    return Run(truth(settings, acked), outcome(settings), pushed, time.monotonic() - started, hits)


def _struck(attack: Strike, feeds: Sequence[Feed], rounds: tuple[int, int] | None) -> list[Hit]:
    def check() -> None:
        for feed in feeds:
            if feed.error is not None:
                raise feed.error

    try:
        return attack(check)
    finally:
        if rounds is None:
            for feed in feeds:
                feed.stop()


def _strike(system: System, plan: Plan, kinds: Sequence[str], tell: Tell, is_over: Callable[[], bool]) -> list[Hit]:
    rng, hits, started = random.Random(f"{plan.seed}/faults"), list[Hit](), time.monotonic()
    with Lags(system.settings) as lags:
        on = Field(system, rng, Watch(lags), plan.away_s)
        on.watch.calm(3.0)
        for group in grouped(kinds, plan.volley):
            if is_over():
                return hits
            at_s = time.monotonic() - started
            for kind, struck in zip(group, strike(on, group), strict=True):
                hits.append(Hit(at_s, kind, *struck))
                tell(f"{len(hits)}/{len(kinds)} {kind}: {struck.what}: {struck.recovery_s:.1f} s")
            on.watch.calm(rng.uniform(0.7, 1.3) * plan.calm_s)
    is_over()
    return hits


def _make_ready(settings: Settings, plan: Plan, lags: Lags) -> None:
    artifacts = references(plan.seed, plan.sizes)
    for spec in SPECS:
        apply(settings, spec, artifacts.get(spec.monitor), "chaos")
    lags.settle()
    for model, (metric, loss) in PROMISES.items():
        _serve(settings, model, metric, loss)
    lags.settle()


def _serve(settings: Settings, model: str, metric: str, loss: float) -> None:
    """Make a version serve, as a trainer would: asked for, trained, validated."""
    _command(settings, "retrain", model, {"from_ms": 0, "to_ms": 1})
    wait_for(lambda: _asked(settings, model), f"a retrain of {model}")
    losses = {"n": 100_000, "mean": loss, "sd": loss}
    manifest = {
        "sha256": "", "passed": True, "why": "", "retrain": _asked(settings, model),
        "validation": {"losses": losses, "metric": metric},
    }  # fmt: skip
    publish(
        settings,
        "models",
        f"{model}/version/1",
        {"record": "version", "model": model, "version": "1", "manifest": manifest},
    )


def _asked(settings: Settings, model: str) -> str:
    asked = (msgspec.json.decode(value) for value in read_values(settings, "retrain"))
    return next((str(each["id"]) for each in asked if each["model"] == model), "")


def _command(settings: Settings, command: str, model: str, args: dict[str, int]) -> None:
    record = {
        "id": uuid.uuid4().hex, "command": command, "model": model, "who": "chaos",
        "at_ms": time.time_ns() // 1_000_000, "args": args,
    }  # fmt: skip
    publish(settings, "commands", model, record)


def _close(settings: Settings, plan: Plan, pushed: tuple[int, int], lags: Lags) -> None:
    """End the load: once all rows are in the ledger, say that no more come, and wait for the last panes."""
    lags.settle()
    for model in MODELS:
        _command(settings, "close", model, {})
    lags.settle()
    due = _newest_due(plan, pushed)
    with contextlib.suppress(StuckError):  # the comparison says which are missing
        wait_for(lambda: _all_final(settings, due), "the last panes", 30)
    lags.settle()


def _newest_due(plan: Plan, pushed: tuple[int, int]) -> dict[str, int]:
    last_ms = plan.base_ms + (pushed[0] - 1) * ROUND_MS
    last_day_ms = START_MS + (pushed[1] * DAYS - 1) * DAY_MS
    ends = {spec.monitor: last_day_ms if spec.model == SPECIES else last_ms for spec in SPECS}
    return {spec.monitor: ends[spec.monitor] // spec.pane_ms * spec.pane_ms for spec in SPECS}


def _all_final(settings: Settings, due: dict[str, int]) -> bool:
    newest = newest_panes(settings)
    return all(newest.get(monitor, -1) >= pane for monitor, pane in due.items())
