"""An environment for each peer: made on demand by uv from pinned requirements, kept under a cache folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PYTHON = "3.11"
SECONDS = 1_200

QUIET = {
    # Some peers report their use to servers of their makers.
    "DO_NOT_TRACK": "1",
    "NML_DISABLE_USAGE_LOGGING": "1",
    "WHYLOGS_NO_ANALYTICS": "True",
    # One thread, so that CPU seconds are comparable.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


class NotInstalledError(Exception):
    """A peer's environment could not be made; the message says why."""


def requirements(peer: str) -> Path:
    """Return the file of a peer's pinned requirements."""
    return HERE / "requirements" / f"{peer}.txt"


def interpreter(peer: str, cache: Path) -> Path:
    """Return the interpreter of a peer's environment, which is made if its requirements have none yet.

    Raises
    ------
    NotInstalledError
        If it cannot be made.
    """
    wanted = requirements(peer)
    name = f"{peer}-{hashlib.sha256(wanted.read_bytes()).hexdigest()[:12]}"
    folder = (cache / name).absolute()
    python = folder / "bin" / "python"
    if not (folder / ".complete").exists():
        _uv("venv", "--quiet", "--clear", "--python", _python(), str(folder))
        _uv("pip", "sync", "--quiet", "--python", str(python), str(wanted))
        (folder / ".complete").touch()
    return python


def _python() -> str:
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    return sys.executable if running == PYTHON else PYTHON


def _uv(*arguments: str) -> None:
    program = shutil.which("uv") or str(HERE.parents[1] / ".tools" / "bin" / "uv")
    environment = os.environ | {"UV_SYSTEM_CERTS": "true"}
    try:
        done = subprocess.run(  # noqa: S603  our own arguments
            [program, *arguments], env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalledError(f"uv: {error}") from error
    if done.returncode:
        raise NotInstalledError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "uv failed")
