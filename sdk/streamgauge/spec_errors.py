"""What is wrong with a spec or a setting, in words: every problem with its field, the value and the mend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from streamgauge.errors import StreamgaugeError
from streamgauge.spec_places import place_of
from streamgauge.spec_words import words

_KEY = "[key]"
"""What pydantic adds to the path of a mapping's entry if the name itself is wrong."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One wrong field: its path with dots (empty: the whole spec), what is wrong, and the mend if it is apart."""

    field: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.field or 'the spec'}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class SpecError(StreamgaugeError, ValueError):
    """A spec that cannot be used; `problems` lists each wrong field, one a line of the text."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def problems_of(error: ValidationError, part: type[BaseModel]) -> list[Problem]:
    """Return what pydantic found wrong with values for `part`, in the words of those who wrote them.

    >>> class Pane(BaseModel):
    ...     rows: int
    >>> try:
    ...     Pane.model_validate({"rows": "many"})
    ... except ValidationError as error:
    ...     print(*problems_of(error, Pane))
    rows: 'many' is not a whole number (write a whole number)
    """
    return [_problem(each, part) for each in error.errors(include_url=False)]


def _problem(error: ErrorDetails, part: type[BaseModel]) -> Problem:
    at, name = error["loc"], ""
    if at[-1:] == (_KEY,):
        at, name = at[:-2], "the name "
    is_unknown = error["type"] in ("extra_forbidden", "invalid_key")
    message, hint = words(error, place_of(part, at[:-1] if is_unknown else at), name)
    path = ".".join(map(str, at))
    if not at and error["type"] == "value_error" and ": " in message:  # a rule over many fields names the one to mend
        path, _, message = message.partition(": ")
    return Problem(path, message, hint)
