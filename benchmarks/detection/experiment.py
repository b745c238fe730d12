"""What an experiment reports."""

from __future__ import annotations

from typing import TypedDict


class Experiment(TypedDict):
    """A figure against its pass mark.

    Attributes
    ----------
    name
        What was measured, with its unit.
    mark
        What passes, as words: "<= 2", "0.93 to 0.97".
    figure
        What came out, four digits.
    passed
        Whether it passes.
    """

    name: str
    mark: str
    figure: float
    passed: bool


def at_most(name: str, figure: float, highest: float) -> Experiment:
    """Return an experiment that passes up to a figure.

    >>> at_most("rows", 3.0, highest=2.0)["passed"]
    False
    """
    return _experiment(name, f"<= {highest:g}", figure, figure <= highest)


def at_least(name: str, figure: float, lowest: float) -> Experiment:
    """Return an experiment that passes from a figure on.

    >>> at_least("power", 0.9, lowest=0.85)["mark"]
    '>= 0.85'
    """
    return _experiment(name, f">= {lowest:g}", figure, figure >= lowest)


def between(name: str, figure: float, lowest: float, highest: float) -> Experiment:
    """Return an experiment that passes within two figures.

    >>> between("coverage", 0.95, 0.93, 0.97)["mark"]
    '0.93 to 0.97'
    """
    return _experiment(name, f"{lowest:g} to {highest:g}", figure, lowest <= figure <= highest)


def _experiment(name: str, mark: str, figure: float, passed: bool) -> Experiment:
    return Experiment(name=name, mark=mark, figure=float(f"{figure:.4g}"), passed=bool(passed))
