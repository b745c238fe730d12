"""Labels in compiled code: what each says, whether it is new to its prediction, and what the pair adds to its keys.

The state of a prediction: bits 0 and 1 its truth (0 none, 1 label 0, 2 label 1, 3 another, which waits as an entry of
its own), bit 2 feedback, bits 3 to 9 the revision of its truth.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import Int, compiled, in_place, inlined
from detectors.performance_kernels import BINARY, MULTICLASS, is_served, label, pair_loss
from stream.folds.frame import FEEDBACK_LANE
from stream.folds.layout import LABELS
from stream.folds.measure.confusion_kernels import Confused, add_confused
from stream.folds.measure.context_kernels import EPOCH, SHADOWS, Contexts, Epochs
from stream.folds.measure.count_kernels import DUPLICATE, NO_LABEL, NO_MONITOR, USED
from stream.folds.measure.key_kernels import Keys, offset_of
from stream.folds.measure.map_kernels import mixed
from stream.folds.measure.prediction_kernels import shadow_hash
from stream.folds.measure.row_kernels import Rows, Texts, is_number, text_code
from stream.folds.measure.table_kernels import Lineages, Models

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Words = NDArray[np.uint64]
Codes = NDArray[np.int32]
States = NDArray[np.uint16]

TRUTH_BITS, FEEDBACK_BIT, REVISION_SHIFT = 3, 4, 3
LABEL_0, LABEL_1, OTHER_TRUTH = 1, 2, 3
ZERO_WORD, ONE_WORD = 0, 0x3FF0_0000_0000_0000
_ZERO, _ONE, _TRUTH = np.uint64(ZERO_WORD), np.uint64(ONE_WORD), np.uint64(0x7472_7574_6800_0000)
UNKNOWN = 2
"""The sign of an old truth that is still to be looked up: it is taken away."""


class Joins(NamedTuple):
    """Labels with their predictions, in order; `sign` is −1 for a truth that another replaces.

    `entry`: which of the entries that were read; `revision`: of the truth; `revised`: the truth replaces another, or is
    the one that is replaced.
    """

    entry: Ints
    truth: Words
    sign: Ints
    revision: Ints
    revised: NDArray[np.bool_]


class Pairs(NamedTuple):
    """Scores of shadows for joins: `starts` (one more than joins), versions and scores (NaN: none)."""

    starts: Ints
    version: Codes
    score: Floats


class PairSums(NamedTuple):
    """Pairs of a key and a shadow version: the next of the key (−1: none), version, number; two floats each; count."""

    next: Ints
    version: Codes
    n: Ints
    sums: Floats
    used: Ints


@inlined
def truth_state(truth: np.uint64, is_binary: bool) -> Int:
    """Return the bits for a truth."""
    if is_binary and truth == _ZERO:
        return LABEL_0
    return LABEL_1 if is_binary and truth == _ONE else OTHER_TRUTH


@inlined
def truth_hash(one: np.uint64, revision: Int) -> np.uint64:
    """Return the identity under which a truth waits, beside its prediction's."""
    return mixed(_TRUTH + np.uint64(revision), one)


@compiled
def truth_hashes(ones: Words, revisions: Ints) -> Words:
    """Return the identity of each truth, ``(n,)``."""
    found = np.empty(len(ones), np.uint64)
    for i in range(len(ones)):
        found[i] = truth_hash(ones[i], revisions[i])
    return found


@compiled
def truth_states(truths: Words, is_binary: NDArray[np.bool_], revisions: Ints) -> States:
    """Return the state of each prediction after its first truth, ``(n,)``."""
    found = np.empty(len(truths), np.uint16)
    for i in range(len(truths)):
        found[i] = truth_state(truths[i], is_binary[i]) | (revisions[i] << REVISION_SHIFT)
    return found


@in_place
def read_labels(
    rows: Rows,
    texts: Texts,
    models: Models,
    first: Int,
    seen: NDArray[np.bool_],
    outcomes: NDArray[np.uint8],
    truths: Words,
) -> None:
    """Write the truth of each row as its model's task has it, or what is wrong with it."""
    for row in range(first, len(rows.models)):
        model = texts.models[rows.models[row]]
        if model < 0:
            outcomes[row] = NO_MONITOR
            continue
        seen[model] = True
        outcomes[row] = 0
        word, task = rows.labels[row], models.task[model]
        if task == MULTICLASS:
            code = text_code(texts, word)
            truths[row] = texts.hashes[code] if code >= 0 else word
            outcomes[row] = 0 if code >= 0 else NO_LABEL
        elif not is_number(word):
            outcomes[row] = NO_LABEL
        elif task == BINARY:
            number = rows.label_numbers[row]
            truths[row] = _ONE if number == 1.0 else _ZERO
            outcomes[row] = 0 if number in (0.0, 1.0) else NO_LABEL
        else:
            truths[row] = word


@in_place
def settle_labels(
    rows: Rows,
    texts: Texts,
    models: Models,
    row_of: Ints,
    refs: Ints,
    states: States,
    truths: Words,
    places: Codes,
    last_truth: Words,
    outcomes: NDArray[np.uint8],
    joins: Joins,
) -> Int:
    """Say what becomes of labels whose predictions are here, and return how many joins they make.

    Parameters
    ----------
    row_of, refs, states
        Of each label its row, its prediction and that one's state, which is replaced by the state after it.
    places
        A table of −1, a power of two long and at least twice as many as labels: one prediction may have several.
    last_truth
        Room for a word for each label.
    joins
        Room for two for each label.
    """
    made, mask = 0, len(places) - 1
    for i in range(len(row_of)):
        row = row_of[i]
        place = np.int64(mixed(np.uint64(refs[i]), _TRUTH) & np.uint64(mask))
        while places[place] >= 0 and refs[places[place]] != refs[i]:
            place = (place + 1) & mask
        before = np.int64(places[place])
        state = np.int64(states[before]) if before >= 0 else np.int64(states[i])
        places[place] = i
        last_truth[i] = last_truth[before] if before >= 0 else np.uint64(0)
        outcomes[row] = DUPLICATE
        if rows.lanes[row] == FEEDBACK_LANE:
            if state & FEEDBACK_BIT == 0:
                outcomes[row] = USED
            states[i] = state | FEEDBACK_BIT
            continue
        old, old_revision, revision = state & TRUTH_BITS, (state >> REVISION_SHIFT) & 127, np.int64(rows.revisions[row])
        states[i] = state
        if old and revision <= old_revision:
            continue
        outcomes[row] = USED
        if old:
            joins.entry[made], joins.sign[made], joins.revision[made], joins.revised[made] = i, -1, old_revision, True
            if state >> 15:  # it came in this block
                joins.truth[made] = last_truth[i]
            elif old == OTHER_TRUTH:
                joins.sign[made] = UNKNOWN
            else:
                joins.truth[made] = _ZERO if old == LABEL_0 else _ONE
            made += 1
        joins.entry[made], joins.truth[made] = i, truths[row]
        joins.sign[made], joins.revision[made], joins.revised[made] = 1, revision, old != 0
        made += 1
        last_truth[i] = truths[row]
        is_binary = models.task[texts.models[rows.models[row]]] == BINARY
        bits = truth_state(truths[row], is_binary) | (revision << REVISION_SHIFT) | (1 << 15)
        states[i] = bits | (state & FEEDBACK_BIT)
    for i in range(len(row_of)):
        states[i] &= np.uint16(0x7FFF)
    return made


@in_place
def shadows_of(contexts: Contexts, of_join: NDArray[np.uint32], set_sizes: Ints, starts: Ints) -> Int:
    """Write where the shadows of each join begin, and return how many there are."""
    for i in range(len(of_join)):
        shadow_set = contexts.words[contexts.starts[of_join[i]] + SHADOWS]
        starts[i + 1] = starts[i] + set_sizes[shadow_set]
    return np.int64(starts[len(of_join)])


@in_place
def shadow_identities(
    contexts: Contexts,
    of_join: NDArray[np.uint32],
    hashes: Words,
    set_starts: Ints,
    set_versions: Codes,
    version_hashes: Words,
    pairs: Pairs,
    found: Words,
) -> None:
    """Write version and identity of each shadow of each join."""
    for i in range(len(of_join)):
        first = set_starts[contexts.words[contexts.starts[of_join[i]] + SHADOWS]]
        for k in range(pairs.starts[i + 1] - pairs.starts[i]):
            at, version = pairs.starts[i] + k, set_versions[first + k]
            pairs.version[at], found[at] = version, shadow_hash(hashes[i], version_hashes[version])


@in_place
def add_joins(
    models: Models,
    lineages: Lineages,
    epochs: Epochs,
    contexts: Contexts,
    of_join: NDArray[np.uint32],
    served: Words,
    served_numbers: Floats,
    truths: Words,
    truth_numbers: Floats,
    signs: Ints,
    revised: NDArray[np.bool_],
    of_row: Codes,
    keys: Keys,
    ints: Ints,
    floats: Floats,
    pairs: Pairs,
    sums: PairSums,
    confused: Confused,
) -> None:
    """Add joins to their keys (see ``resolve``), or take them away where the sign is −1.

    What a revision takes away was added to the lineages that were in force when its prediction came; others, which
    began since, may never have had it, so it changes nothing there. There is room for as many new pairs as there are
    shadows of joins for each key of them, and for a pair of classes for each key of each join.
    """
    at = 0
    for i in range(len(of_join)):
        epoch = np.int64(contexts.words[contexts.starts[of_join[i]] + EPOCH])
        model, task, sign = epochs.model[epoch], epochs.task[epoch], signs[i]
        is_known = is_served(task, served[i], served_numbers[i])
        for lineage in range(models.first[model], models.first[model + 1]):
            groups = 1 + lineages.segments[lineage + 1] - lineages.segments[lineage]
            counts = not revised[i] or offset_of(epochs, epoch, lineages.number[lineage]) >= 0
            is_judged = counts and is_known and lineages.task[lineage] == task
            for group in range(at, at + groups):
                key = np.int64(of_row[group])
                if key < 0 or not counts:
                    continue
                first = keys.ints[key]
                ints[first + LABELS] += sign
                if is_judged:
                    label(
                        task, ints, first + lineages.size[lineage], floats,
                        keys.floats[key] + lineages.floats[lineage],
                        served[i], served_numbers[i], truths[i], truth_numbers[i], sign, lineages.clip[lineage],
                    )  # fmt: skip
                if is_judged and task == MULTICLASS and truths[i] != 0:
                    add_confused(confused, key, served[i], truths[i], sign)
                if is_judged and task != MULTICLASS:
                    mine = pair_loss(task, served_numbers[i], truth_numbers[i])
                    for pair in range(pairs.starts[i], pairs.starts[i + 1]):
                        difference = mine - pair_loss(task, pairs.score[pair], truth_numbers[i])
                        _add_pair(keys, key, sums, pairs.version[pair], difference, sign)
            at += groups


@inlined
def _add_pair(keys: Keys, key: Int, sums: PairSums, version: Int, difference: float, sign: Int) -> None:
    """Add a champion's loss less a shadow's: above 0 the shadow is better.

    One whose square is not finite is counted nowhere: it would make the sums infinite for ever, and compare nothing.
    """
    if not np.isfinite(difference * difference):
        return
    pair = keys.pairs[key]
    while pair >= 0 and sums.version[pair] != version:
        pair = sums.next[pair]
    if pair < 0:
        pair = sums.used[0]
        sums.used[0] = pair + 1
        sums.next[pair], sums.version[pair], sums.n[pair] = keys.pairs[key], version, 0
        sums.sums[2 * pair], sums.sums[2 * pair + 1] = 0.0, 0.0
        keys.pairs[key] = pair
    sums.n[pair] += sign
    sums.sums[2 * pair] += sign * difference
    sums.sums[2 * pair + 1] += sign * (difference * difference)
