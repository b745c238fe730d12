"""YAML as specs use it: bounded, plain values only, and no key twice."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

import yaml

from streamgauge.spec_errors import Problem, SpecError

MAX_BYTES: Final = 1_000_000


class _Loader(yaml.SafeLoader):
    """The safe loader, which refuses a key that is written twice: YAML would keep the last in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:
        keys = [each.value for each, _ in node.value if isinstance(each, yaml.ScalarNode) and each.value != "<<"]
        doubles = sorted({key for key in keys if keys.count(key) > 1})
        if doubles:
            raise yaml.constructor.ConstructorError(None, None, f"{doubles[0]} is written twice", node.start_mark)
        return super().construct_mapping(node, deep)


def load_yaml(text: str) -> object:
    """Return the values that `text` holds.

    Raises
    ------
    SpecError
        If it is no YAML, above 1 MB, or names a key twice.

    >>> load_yaml("pane: 1h")
    {'pane': '1h'}
    """
    if len(text) > MAX_BYTES:
        raise SpecError([Problem("", f"a spec of {len(text)} characters, above {MAX_BYTES}")])
    try:
        return yaml.load(text, _Loader)  # noqa: S506 — a subclass of the safe loader
    except yaml.YAMLError as error:
        raise SpecError([Problem("", f"not YAML: {_say(error)}")]) from None


def _say(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return str(error)
    mark = error.problem_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
