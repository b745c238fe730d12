"""YAML as specs use it: bounded, plain values only, and no key twice."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Final

import yaml

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
