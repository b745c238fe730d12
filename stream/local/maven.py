"""Resolve the broker's jars from Maven Central by its ordinary clients: Maven, else jgo (pure Python)."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

KAFKA = "4.3.1"
SLF4J = "1.7.36"
ARTIFACTS = (f"org.apache.kafka:kafka_2.13:{KAFKA}", f"org.slf4j:slf4j-simple:{SLF4J}")

Report = Callable[[str], None]
"""Called with the name of each file that has arrived."""

Resolver = Callable[[Path, Report], None]
"""Puts all jars into a folder, or raises :class:`ResolveError`."""

_POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>{dependencies}
  </dependencies>
</project>
"""
_DEPENDENCY = """
    <dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"""
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_DOWNLOADED = re.compile(r"Downloaded from \S+ \S*/(\S+\.jar)")


class ResolveError(RuntimeError):
    """A client of the registry could not resolve the jars; says which client and why."""


def resolvers() -> list[Resolver]:
    """Return the clients of this machine: Maven knows its users' mirrors, jgo is always there."""
    return [by_maven, by_jgo] if shutil.which("mvn") else [by_jgo]


def by_maven(folder: Path, report: Report) -> None:
    """Resolve with ``mvn dependency:copy-dependencies``.

    Raises
    ------
    ResolveError
        With Maven's first error lines.
    """
    with tempfile.TemporaryDirectory() as work:
        pom = Path(work) / "pom.xml"
        pom.write_text(_pom())
        command = [
            "mvn",
            "-B",
            "-f",
            str(pom),
            _COPY,
            f"-DoutputDirectory={folder}",
            "-DincludeScope=runtime",
        ]
        errors = list(_run_maven(command, report))
    if errors:
        raise ResolveError(f"Maven: {brief(errors[0])}")


def by_jgo(folder: Path, report: Report) -> None:
    """Resolve with jgo's Maven client, in a repository of its own: no half-written file is ever found again.

    Raises
    ------
    ResolveError
        When the registry does not answer or lacks a file.
    """
    import requests
    from jgo.maven import MavenContext, PythonResolver

    @contextlib.contextmanager
    def progress(name: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield lambda _bytes: None
        if name.endswith(".jar"):
            report(name)

    with tempfile.TemporaryDirectory() as work:
        resolver = PythonResolver(progress_callback=progress)
        context = MavenContext(resolver=resolver, repo_cache=Path(work))
        try:
            wanted, rest = resolver.resolve([context.create_dependency(name) for name in ARTIFACTS])
            for dependency in (*wanted, *rest):
                if dependency.scope in ("compile", "runtime", None):
                    shutil.copy(dependency.artifact.resolve(), folder)
        except (requests.RequestException, RuntimeError, ValueError) as error:
            raise ResolveError(f"jgo: {brief(str(error))}") from error


def brief(reason: str, longest: int = 150) -> str:
    """Return the end of a client's long reason, where the cause is.

    Examples
    --------
    >>> brief("cannot fetch x: cannot connect: Connection refused -> [Help 1]", longest=40)
    '… x: cannot connect: Connection refused'
    """
    words = reason.partition(" -> [Help")[0].split()
    kept = " ".join(words)
    while len(kept) > longest and " " in kept:
        kept = kept.partition(" ")[2]
    return kept if len(kept.split()) == len(words) else f"… {kept}"


def _pom() -> str:
    return _POM.format(dependencies="".join(_DEPENDENCY.format(*name.split(":")) for name in ARTIFACTS))


def _run_maven(command: list[str], report: Report) -> Iterator[str]:
    """Run Maven, report the jars of its log and yield its error lines."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as maven:  # noqa: S603
        for line in maven.stdout or ():
            if found := _DOWNLOADED.search(line):
                report(found.group(1))
            elif line.startswith("[ERROR]"):
                yield line.removeprefix("[ERROR]").strip()
    if maven.returncode:
        yield f"exit code {maven.returncode}"
