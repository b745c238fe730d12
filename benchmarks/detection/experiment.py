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
        What came out.
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
    return Experiment(name=name, mark=f"<= {highest:g}", figure=round(figure, 4), passed=figure <= highest)


def between(name: str, figure: float, lowest: float, highest: float) -> Experiment:
    """Return an experiment that passes within two figures.

    >>> between("coverage", 0.95, 0.93, 0.97)["mark"]
    '0.93 to 0.97'
    """
    mark = f"{lowest:g} to {highest:g}"
    return Experiment(name=name, mark=mark, figure=round(figure, 4), passed=lowest <= figure <= highest)
