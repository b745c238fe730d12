"""What a supervisor is told about one process, and how patient it is with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the stack.

    Attributes
    ----------
    name
        Its name, also that of its log.
    command, env
        What to run; variables added to this process's own.
    ready
        Asks the part whether it is ready; without it a part is ready once it runs, and a step once it has ended.
    after
        Names of the parts that must be ready before it starts.
    once
        Whether it is a step that ends with exit code 0, instead of a server.
    port
        Port that it serves, for the eyes of people; 0 when none.
    grace_s
        Seconds it has to end after SIGTERM.
    start_s
        Seconds it has to become ready.
    poll_s
        Seconds between two questions whether it is.
    works
        Asks the part, once it is ready, whether it still works; without it a part works as long as it runs.
    hung_s
        Seconds that the answer may be no, or none, before the part is killed and started again.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], Awaitable[bool]] | None = None
    after: Sequence[str] = ()
    once: bool = False
    port: int = 0
    grace_s: float = 15.0
    start_s: float = 90.0
    poll_s: float = 0.05
    works: Callable[[], Awaitable[bool]] | None = None
    hung_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before a start after a death: doubled each time, forgotten after a healthy while.

    Attributes
    ----------
    first_s, most_s
        First and longest wait.
    healthy_s
        Seconds of running after which the next death counts as a first one.
    attempts
        Deaths before the first readiness after which the start is given up.
    """

    first_s: float = 0.2
    most_s: float = 10.0
    healthy_s: float = 30.0
    attempts: int = 5

    def wait_s(self, deaths: int) -> float:
        """Seconds to wait after the given number of deaths in a row, 1 or more.

        Examples
        --------
        >>> [Backoff().wait_s(deaths) for deaths in (1, 2, 3, 9)]
        [0.2, 0.4, 0.8, 10.0]
        """
        return float(min(self.most_s, self.first_s * 2 ** min(deaths - 1, 30)))


def check(parts: Sequence[Part]) -> None:
    """Look at an order of parts.

    Raises
    ------
    ValueError
        For two parts of one name, and for one that starts after a part that does not come before it.
    """
    seen: set[str] = set()
    for part in parts:
        if part.name in seen:
            raise ValueError(f"two parts are named {part.name!r}")
        if unknown := set(part.after) - seen:
            raise ValueError(f"{part.name!r} starts after {sorted(unknown)}, which do not come before it")
        seen.add(part.name)


def levels(parts: Sequence[Part]) -> list[list[Part]]:
    """Group the parts: each group needs only those before it."""
    depth: dict[str, int] = {}
    for part in parts:
        depth[part.name] = 1 + max((depth[name] for name in part.after), default=0)
    return [[part for part in parts if depth[part.name] == level] for level in sorted(set(depth.values()))]
