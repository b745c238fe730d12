"""YAML as specs use it: bounded, plain values only, and no key twice."""

from __future__ import annotations

import re
from collections.abc import Hashable
from datetime import date
from typing import Final

import yaml

from streamgauge.shown import shown
from streamgauge.spec_errors import Problem, SpecError

MAX_BYTES: Final = 1_000_000


_BOOL: Final = "tag:yaml.org,2002:bool"


class _Loader(yaml.SafeLoader):
    """The safe loader with YAML 1.2's booleans, which refuses a key that is written twice.

    YAML 1.1 reads the key ``on`` and the carrier ``NO`` as booleans, and keeps the last of two equal keys.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 — the name and form that PyYAML reads
        letter: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOL]
        for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:
        keys = [each.value for each, _ in node.value if isinstance(each, yaml.ScalarNode) and each.value != "<<"]
        doubles = sorted({key for key in keys if keys.count(key) > 1})
        if doubles:
            raise yaml.constructor.ConstructorError(None, None, f"{doubles[0]} is written twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _moment(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> date | str:
    """Return what looks like a date; one that no calendar has stays text, for the field that reads it to refuse."""
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError:
        return str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _moment)
_Loader.add_implicit_resolver(_BOOL, re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def load_yaml(text: str) -> object:
    """Return the values that `text` holds.

    Raises
    ------
    SpecError
        If it is no YAML, above 1 MB, or names a key twice.

    >>> load_yaml("{on: [performance], segments: true}")
    {'on': ['performance'], 'segments': True}
    """
    if len(text) > MAX_BYTES:
        raise SpecError([Problem("", f"has {len(text):,} characters", f"write at most {MAX_BYTES:,}")])
    try:
        return yaml.load(text, _Loader)  # noqa: S506 — a subclass of the safe loader
    except yaml.YAMLError as error:
        raise SpecError([_problem(error, text)]) from None
    except RecursionError:
        raise SpecError([Problem("", "not YAML: nested too deeply", "close brackets that were opened")]) from None
    except ValueError as error:  # a number of thousands of digits
        raise SpecError([Problem("", f"not YAML: {error}")]) from None


def load_mapping(text: str) -> dict[str, object]:
    """Return the keys and values that `text` holds; SpecError if it holds none, or is no YAML.

    >>> load_mapping("- a")
    Traceback (most recent call last):
    streamgauge.spec_errors.SpecError: the spec: holds a list; a spec is a mapping of keys, as in `monitor: my-model`
    """
    values = load_yaml(text)
    if isinstance(values, dict):
        return values
    found = "is empty" if values is None else f"holds a {_KINDS.get(type(values), type(values).__name__)}"
    raise SpecError([Problem("", f"{found}; a spec is a mapping of keys, as in `monitor: my-model`")])


_KINDS: Final[dict[type, str]] = {str: "text", int: "number", float: "number", bool: "truth value"}


def _problem(error: yaml.YAMLError, text: str) -> Problem:
    """Return where YAML ended, with the line that was written there."""
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    if not isinstance(error, yaml.MarkedYAMLError) or mark is None:
        return Problem("", f"not YAML: {str(error).partition(chr(10))[0]}", "leave this character out")
    lines = text.splitlines()
    line = shown(lines[mark.line].strip()) if mark.line < len(lines) else "the end"
    why = str(error.problem)
    mend = next((mend for said, mend in _MENDS.items() if said in why), "look at indentation, brackets and quotes")
    return Problem("", f"not YAML: line {mark.line + 1}, column {mark.column + 1}: {why}: {line}", mend)


_MENDS: Final = {
    "written twice": "write it once",
    "\\t": "indent by spaces, not by tabs",
    "mapping values": "write text that holds a colon in quotes, and keys of one part below each other",
    "could not find expected ':'": "write `key: value`",
    "but got": "close the bracket that was opened",
    "expected <block end>": "write keys of one part below each other",
    "end of stream": "close the quote that was opened",
    "unhashable": "write a name as the key",
    "constructor for the tag": "leave the tag out",
    "undefined alias": "write text that begins with * in quotes",
}
"""What mends an error of YAML, by a part of PyYAML's words."""
