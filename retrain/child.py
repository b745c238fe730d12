"""One training in its own process: ``python -m retrain.child FOLDER``.

The folder holds ``job.json`` and ``rows.parquet``; ``artifact.bin`` and then ``result.json`` appear whole. A
line on standard output is a heart-beat: rows done and their total. When standard input closes, the one who
asked is gone and the process ends.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import msgspec

from models.artifact import Artifact, Head, pack
from models.attribution import Curve, attribution
from models.pipelines import FeatureType, Task
from models.registry import Validation, Version
from models.training import Champion, Job, Progress, UnusableError, train
from stream.trust import load_version, trusted_keys


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to train: ``job.json``."""

    head: Head
    champion: Version | None
    home: str
    max_rows: int
    min_rows: int
    tolerance: float
    metric: str = ""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: ``result.json``. Without a `validation` nothing was trained, and `why` says why."""

    passed: bool
    why: str
    rows: int = 0
    trained_from_ms: int = 0
    trained_to_ms: int = 0
    validation: Validation | None = None
    attribution: dict[str, Curve] = {}


def run(folder: Path, progress: Progress) -> Result:
    """Train what the folder asks for, and leave artifact and result in it."""
    order = msgspec.json.decode((folder / "job.json").read_bytes(), type=Order)
    try:
        result = _train(order, folder, progress)
    except UnusableError as error:
        result = Result(passed=False, why=str(error))
    write_whole(folder / "result.json", msgspec.json.encode(result))
    return result


def _train(order: Order, folder: Path, progress: Progress) -> Result:
    # Here, not above: the consumer takes `Order` and `Result` from this module, and needs no Parquet.
    import pyarrow.parquet as pq

    from retrain.training_set import training_set

    head = order.head
    data = training_set(pq.read_table(folder / "rows.parquet"), head.task, order.max_rows, head.positive)
    progress(0, len(data.rows))
    champion, remark = _champion(order)
    trained = train(_job(order), data, champion, progress)
    write_whole(folder / "artifact.bin", pack(Artifact(head, trained.pipeline)))
    return Result(
        passed=trained.passed,
        why=trained.why + remark,
        rows=len(data.rows),
        trained_from_ms=int(data.event_ms[0]),
        trained_to_ms=int(data.event_ms[-1]),
        validation=trained.validation,
        attribution=attribution(head.task, trained.pipeline, head.features, data.rows),
    )


def _job(order: Order) -> Job:
    task: Task = order.head.task
    features: dict[str, FeatureType] = order.head.features
    return Job(
        task,
        features,
        order.head.trainer,
        order.metric,
        tolerance=order.tolerance,
        min_rows=order.min_rows,
    )


def _champion(order: Order) -> tuple[Champion | None, str]:
    """Return the champion, or none and why it is not compared with."""
    if order.champion is None:
        return None, ""
    record = order.champion
    try:
        pipeline = load_version(record, trusted_keys(Path(order.home))).pipeline
    except (ValueError, OSError) as error:
        return None, f"; champion {record.version} could not be compared: {error}"
    return Champion(record.version, pipeline, record.manifest.trained_to_ms), ""


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that appears whole and on disk, or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _end_with_parent() -> None:
    while os.read(0, 1):  # not sys.stdin: a buffered reader in use ends a process badly
        pass
    os._exit(3)


def _beat(done: int, total: int) -> None:
    sys.stdout.write(f"{done} {total}\n")
    sys.stdout.flush()


def main() -> None:
    """Run as a process."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    run(Path(sys.argv[1]), _beat)


if __name__ == "__main__":
    main()
