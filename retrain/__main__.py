"""The retraining consumer as a process: ``python -m retrain``; everything comes from the settings."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence

import structlog

from retrain.consumer import Consumer
from stream.errors import StreamgaugeError
from stream.logs import configure
from stream.settings import load

_log = structlog.get_logger()


def main(arguments: Sequence[str] | None = None) -> int:
    """Work until SIGTERM or SIGINT; return the exit code: 0 after a stop in good order, else 1."""
    parser = argparse.ArgumentParser(prog="python -m retrain", description="Answer retrain events.")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    configure(parser.parse_args(arguments).log_level, fold="retrain")
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda _number, _frame: stop.set())
    try:
        Consumer(load(), stop).run()
    except StreamgaugeError as error:
        _log.error("stopped", error=str(error))
        return 1
    except Exception:  # noqa: BLE001 - whatever it is: a line in the log, and the supervisor starts anew
        _log.exception("crashed")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
