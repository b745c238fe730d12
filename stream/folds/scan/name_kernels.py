"""Names of features: paths in a tree, each node a name behind the names before it.

Producers write the same names in the same order. So the node knows which name followed it the last time, and a glance
at the bytes says whether it does again. The node at which a row's names end is its shape.

A path holds no name twice: that is checked once, when a node is made.
"""

from __future__ import annotations

import numpy as np

from detectors.compiled import in_place, inlined
from stream.folds.scan.escape_kernels import text
from stream.folds.scan.layout_kernels import (
    DEPTH,
    FOLLOWER,
    IS_FULL,
    MARK,
    NAME,
    NO_NODE,
    NODES,
    PARENT,
    ROOT,
    SPARE_BEGIN,
    TEXT_AT,
    TEXT_SIZE,
    Bytes,
    Codes,
    Ints,
    get,
    put,
)
from stream.folds.scan.machine_kernels import byte
from stream.folds.scan.number_kernels import UNSURE
from stream.folds.scan.text_kernels import QUOTE, intern, is_same

MAX_NAME_BYTES = 256  # what has more may still have 256 characters: the general path counts them


@inlined
def guessed_end(data: Bytes, at: int, node: int, is_shadow: bool, texts: Ints, nodes: Codes, state: Ints) -> int:
    """Return the index behind the name at `at` and its quote, if it is that of `node`; else UNSURE.

    A name that was written with escapes is not compared: it may hold quotes, which end a name that has none.
    """
    if node == NO_NODE or (get(nodes, node, NAME) < 0) != is_shadow:
        return UNSURE
    code = code_of(node, nodes)
    begin, size = get(texts, code, TEXT_AT), get(texts, code, TEXT_SIZE)
    is_there = begin < state[SPARE_BEGIN] and is_same(data, begin, at, size) and byte(data, at + size) == QUOTE
    return at + size + 1 if is_there else UNSURE


@inlined
def code_of(node: int, nodes: Codes) -> int:
    """Return the code of a node's name, or of the version whose shadow's score it names."""
    name = get(nodes, node, NAME)
    return name ^ (name >> 63)  # ~name if it is below 0


@in_place
def next_name(
    data: Bytes,
    at: int,
    node: int,
    is_shadow: bool,
    fresh: int,
    texts: Ints,
    slots: Codes,
    nodes: Codes,
    node_slots: Codes,
    seen: Codes,
    state: Ints,
) -> tuple[int, int]:
    """Return the node of the name whose text begins at `at`, which now follows `node`; or UNSURE.

    And the index behind its quote.
    `fresh` is the first node that this line made: behind it nothing was seen before.
    """
    behind, begin, size = text(data, at, state)
    if behind == UNSURE or size > MAX_NAME_BYTES:
        return UNSURE, at
    code = intern(data, begin, size, texts, slots, state)
    if code == UNSURE:
        return UNSURE, at
    return child(node, ~code if is_shadow else code, fresh, nodes, node_slots, seen, state), behind


@in_place
def child(node: int, name: int, fresh: int, nodes: Codes, node_slots: Codes, seen: Codes, state: Ints) -> int:
    """Return the node of a name behind a path; UNSURE if the path has that name, or the table is full."""
    last = np.uint64(len(node_slots) - 1)
    slot = _mixed(node, name) & last
    while node_slots[slot] >= 0:
        found = int(node_slots[slot])
        if get(nodes, found, PARENT) == node and get(nodes, found, NAME) == name:
            put(nodes, node, FOLLOWER, found)
            return found
        slot = (slot + np.uint64(1)) & last
    if _has(node, name, fresh, nodes, seen, state):
        return UNSURE
    made = int(state[NODES])
    if made == len(node_slots) >> 1:
        state[IS_FULL] = 1
        return UNSURE
    node_slots[slot] = made
    put(nodes, made, PARENT, node)
    put(nodes, made, NAME, name)
    put(nodes, made, DEPTH, get(nodes, node, DEPTH) + 1)
    put(nodes, made, FOLLOWER, NO_NODE)
    put(nodes, node, FOLLOWER, made)
    state[NODES] += 1
    return made


@in_place
def _has(node: int, name: int, fresh: int, nodes: Codes, seen: Codes, state: Ints) -> bool:
    """Say whether a path has a name, and mark it as had; O(1) but for the first new node of a line."""
    if node < fresh:
        state[MARK] += 1
        above = node
        while above != ROOT:
            _mark(get(nodes, above, NAME), seen, state)
            above = get(nodes, above, PARENT)
    return _mark(name, seen, state)


@inlined
def _mark(name: int, seen: Codes, state: Ints) -> bool:
    """Mark a name, as a feature's or a shadow's; say whether it was."""
    mark = np.uint64(2 * ~name + 1 if name < 0 else 2 * name)
    was = bool(seen[mark] == state[MARK])
    seen[mark] = state[MARK]
    return was


@inlined
def _mixed(node: int, name: int) -> np.uint64:
    mixed = ((np.uint64(node) << np.uint64(32)) ^ np.uint64(np.uint32(name))) * np.uint64(0x9E3779B97F4A7C15)
    return np.uint64(mixed ^ (mixed >> np.uint64(32)))


@in_place
def fill_node_slots(nodes: Codes, count: int, node_slots: Codes) -> None:
    """Enter the first `count` nodes but the root into empty slots."""
    last = np.uint64(len(node_slots) - 1)
    for node in range(1, count):
        slot = _mixed(get(nodes, node, PARENT), get(nodes, node, NAME)) & last
        while node_slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & last
        node_slots[slot] = node
