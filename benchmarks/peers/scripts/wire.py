"""What a peer's script reads and writes: arrays in ``.npz``, a job and its results in JSON.

Imported by scripts that run in environments of their own; it needs numpy alone.
"""

import json
import math
import sys
import time
from pathlib import Path

import numpy as np

LOWEST_P = 1e-300
LONG_S = 20


def job():
    """Return the job that the script was started with."""
    return json.loads(Path(sys.argv[1]).read_text())


def arrays(task):
    """Return a task's reference and rows, ``(n, F)`` each."""
    with np.load(task["file"]) as held:
        return held["reference"], held["rows"]


def windows(rows, task):
    """Yield the windows of a task, ``(window, F)`` each."""
    for start in range(0, len(rows), task["window"]):
        yield rows[start : start + task["window"]]


def surprise(p):
    """Return a p-value as a score that rises with drift."""
    return -math.log10(max(float(p), LOWEST_P))


def scored(threshold, scores):
    """Return what a method says of windows, ``(windows, F)``, and its default threshold; None if it has none."""
    return {"threshold": threshold, "scores": np.asarray(scores, float).tolist()}


def sequential(default, alarms):
    """Return what a row-by-row method says: rows of its alarms by feature, for each value of its parameter.

    The values go from the most to the least sensitive one.
    """
    return {"default": default, "alarms": alarms}


def timed(run, rows):
    """Return the rows that a function takes, and the CPU seconds of its faster run of two; of one, if that is long."""
    seconds = []
    while len(seconds) < 2 and sum(seconds) < LONG_S:
        begun = time.process_time()
        run(rows)
        seconds.append(time.process_time() - begun)
    return {"rows": len(rows), "cpu_s": min(seconds)}


def run(version, tasks, speed):
    """Do the job: every task by its kind, and the measurement of speed; write the results as they come.

    Parameters
    ----------
    tasks
        Functions by kind (number, category, missing, joint) that return results by method.
    speed
        Takes a reference and returns functions by path; each judges all rows that it is given.
    """
    asked = job()
    told = {"version": version, "tasks": {}, "speed": {}, "seconds": {}}
    for task in asked["tasks"]:
        begun = time.monotonic()
        if task["kind"] == "speed":
            reference, rows = arrays(task)
            told["speed"][task["name"]] = {
                path: timed(judge, rows) for path, judge in speed(reference, task["window"]).items()
            }
        elif task["kind"] in tasks:
            told["tasks"][task["name"]] = tasks[task["kind"]](*arrays(task), task)
        told["seconds"][task["name"]] = time.monotonic() - begun
        print(f"{task['name']}: {told['seconds'][task['name']]:.1f} s", file=sys.stderr, flush=True)
    Path(asked["out"]).write_text(json.dumps(told))
