"""The faults: what each does to the system, and how long it was felt.

Recovery is counted from a kill, from a stop, or from the end of an absence (see `benchmarks.chaos.recovery`).
"""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from benchmarks.chaos import checkpoints
from benchmarks.chaos.recovery import Blow, Watch
from benchmarks.chaos.system import System, wait_for

STATEFUL = ("measure", "decide")
WORKERS = ("intake", "measure", "decide", "store")


class Struck(NamedTuple):
    """What a fault did, in words, and the seconds after which nothing was felt of it."""

    what: str
    recovery_s: float


class Field(NamedTuple):
    """Where faults strike: the system, what draws, who watches, and the longest absence of each part in seconds."""

    system: System
    rng: random.Random
    watch: Watch
    away_s: Mapping[str, float]


Fault = Callable[[Field], Struck]


def kill_of(*names: str) -> Fault:
    """Return the fault that kills parts at once; they are started again at once."""

    def kill(on: Field) -> Struck:
        blow = on.watch.brace()
        with on.system.away(*names):
            pass
        return Struck(f"killed {', '.join(names)}", on.watch.recovered(blow))

    return kill


def strike(on: Field, kinds: Sequence[str]) -> list[Struck]:
    """Strike a fault; of several, which are kills of one part each, one right after the other."""
    if len(kinds) == 1:
        return [FAULTS[kinds[0]](on)]
    blows = list[Blow]()
    for kind in kinds:
        blows.append(on.watch.brace(*blows[:1]))
        with on.system.away(VOLLEY[kind]):
            pass
        on.watch.calm(1.0)
    return [
        Struck(f"killed {VOLLEY[kind]}, one of {len(kinds)} in a row", on.watch.recovered(blow))
        for kind, blow in zip(kinds, blows, strict=True)
    ]


def kill_twice(on: Field) -> Struck:
    """Kill a worker, and its successor while it takes up what the first one left."""
    name = on.rng.choice(WORKERS)
    blow = on.watch.brace()
    on.system.kill(name)
    wait_for(lambda: on.system.members(name), f"the successor of {name}")
    on.system.kill(name)
    return Struck(f"killed {name}, and its successor", on.watch.recovered(blow))


def away_of(name: str) -> Fault:
    """Return the fault that kills a part and keeps it away for a while, with the load going on."""

    def away(on: Field) -> Struck:
        seconds, before = on.rng.uniform(on.away_s[name] / 2, on.away_s[name]), on.watch.brace()
        with on.system.away(name):
            on.watch.calm(seconds)
            blow = on.watch.brace(before)
        return Struck(f"{name} away for {seconds:.0f} s", on.watch.recovered(blow))

    return away


def zombie(on: Field) -> Struck:
    """Stop a worker past its session; another takes its partitions over; then let it wake up and find out."""
    fold = on.rng.choice(WORKERS)
    with on.system.second(fold) as process:
        on.watch.calm(1.0)
        blow = on.watch.brace()
        pid = on.system.signal(fold, signal.SIGSTOP)
        try:
            wait_for(lambda: len(on.system.members(fold)) == 1, f"the end of the session of {fold}")
            taken_s = on.watch.recovered(blow)
        finally:
            on.system.resume(fold, pid)
        woken = on.watch.brace(blow)
        wait_for(lambda: len(on.system.members(fold)) == 2, f"the return of {fold}")
        woken_s = on.watch.recovered(woken)
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    wait_for(lambda: len(on.system.members(fold)) == 1, f"the end of the second {fold}")
    on.watch.recovered(on.watch.brace(blow))
    return Struck(f"{fold} stopped past its session, taken over in {taken_s:.1f} s, woken in {woken_s:.1f} s", taken_s)


def rebalance(on: Field) -> Struck:
    """Let a second worker join a fold and leave it, in good order or not."""
    fold, number = on.rng.choice(WORKERS), on.rng.choice((signal.SIGTERM, signal.SIGKILL))
    blow = on.watch.brace()
    with on.system.second(fold) as process:
        on.watch.recovered(blow)
        on.watch.calm(1.0)
        left = on.watch.brace(blow)
        process.send_signal(number)
        process.wait(60)
        wait_for(lambda: len(on.system.members(fold)) == 1, f"the end of the second {fold}")
    return Struck(f"a second {fold} joined, and left by {number.name}", on.watch.recovered(left))


def damage_of(what: str, damage: Callable[..., int]) -> Fault:
    """Return the fault that kills a fold with state and damages its checkpoints before it comes back."""

    def strike(on: Field) -> Struck:
        fold = on.rng.choice(STATEFUL)
        wait_for(lambda: _has_two_each(on.system, fold), f"two checkpoints of each partition of {fold}")
        before = on.watch.brace()
        with on.system.away(fold):
            files = damage(on.system.settings, fold)
            blow = on.watch.brace(before)
        return Struck(f"{what}: {fold}, {files} files", on.watch.recovered(blow))

    return strike


def _has_two_each(system: System, fold: str) -> bool:
    known = checkpoints.pointers(system.settings, fold)
    return bool(known) and all(len({pointer.file for pointer in some}) > 1 for some in known.values())


FAULTS: dict[str, Fault] = {
    **{f"kill-{name}": kill_of(name) for name in WORKERS},
    "kill-workers": kill_of(*WORKERS),
    "kill-twice": kill_twice,
    "kill-kafka": kill_of("kafka"),
    "kill-clickhouse": kill_of("clickhouse"),
    "clickhouse-away": away_of("clickhouse"),
    "intake-outage": away_of("intake"),
    "zombie": zombie,
    "rebalance": rebalance,
    "checkpoint-lost": damage_of("newest checkpoints lost", checkpoints.lose_newest),
    "checkpoints-lost": damage_of("all checkpoints lost", checkpoints.lose_all),
    "checkpoint-schema": damage_of("checkpoints of an older schema", checkpoints.make_older),
}
"""All kinds by name, in the order in which they are told."""

VOLLEY = {f"kill-{name}": name for name in WORKERS}
"""Kinds that may come one right after the other, with the part that each kills."""
