"""What an experiment says."""

from __future__ import annotations

from typing import TypedDict


class Experiment(TypedDict):
    """A figure beside the mark that it must keep."""

    name: str
    mark: str
    figure: str
    passed: bool


def at_most(name: str, figure: float, mark: float, digits: int = 4) -> Experiment:
    """Return an experiment that passes at or below its mark."""
    return {"name": name, "mark": f"<= {mark:g}", "figure": f"{figure:.{digits}g}", "passed": figure <= mark}


def at_least(name: str, figure: float, mark: float, digits: int = 4) -> Experiment:
    """Return an experiment that passes at or above its mark."""
    return {"name": name, "mark": f">= {mark:g}", "figure": f"{figure:.{digits}g}", "passed": figure >= mark}
