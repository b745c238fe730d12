"""Dead letters: each once, with its record, and what a retry would send."""

import msgspec
import pytest

from stream.folds.base import Record
from stream.ops import deadletters, retry
from stream.ops.deadletters import RETRIED, Letter, Which, ids, letters, originals
from stream.ops.retry import Fate, still_refused, value_of
from stream.runtime.port import TopicPartition
from stream.settings import Settings

SETTINGS = Settings()
LETTERS = TopicPartition("dead-letters", 0)
LABELS = TopicPartition("labels", 1)
LINES = (("content-type", b"application/x-ndjson"),)
GOOD = b'{"prediction_id":"a","model":"m","event_time":0,"label":1}'


def letter(offset=7, line=0, reason="not-json", at_ms=0, **fields):
    return Letter(topic="labels", partition=1, offset=offset, line=line, reason=reason, at_ms=at_ms, **fields)


def mark(of, sent_as="labels/1/99"):
    return Letter(topic="dead-letters", partition=0, offset=3, reason=RETRIED, retried=of.id, sent_as=sent_as)


@pytest.fixture
def logs(monkeypatch):
    """Records of partitions, from the first that is kept on."""
    held = {LETTERS: []}

    class Reader:
        def __init__(self, _settings):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def partitions(self, topic):
            return [tp for tp in held if tp.topic == topic]

        def bounds(self, tp):
            return held[tp][0].position if held[tp] else 0, held[tp][-1].position + 1 if held[tp] else 0

        def offset_at(self, tp, at_ms):
            return next((r.position for r in held[tp] if r.append_ms >= at_ms), self.bounds(tp)[1])

        def records(self, tp, first, end):
            return (r for r in held[tp] if first <= r.position < end)

    monkeypatch.setattr(deadletters, "KafkaReader", Reader)
    return held


def written(*some, at_ms=0):
    return [Record(i, at_ms + i, msgspec.json.encode(one)) for i, one in enumerate(some)]


def test_a_letter_that_was_written_twice_counts_once(logs):
    logs[LETTERS] = [*written(letter(), letter(), letter(line=1), letter(reason="bad-time")), Record(9, 0, b"?")]
    listing = letters(SETTINGS, Which())
    assert [one.letter.id for one in listing.found] == ["labels/1/7/0", "labels/1/7/0", "labels/1/7/1"]
    assert (listing.total, listing.reasons, listing.unreadable) == (3, {"not-json": 2, "bad-time": 1}, 1)


def test_a_letter_of_a_topic_that_was_made_again_is_another_and_was_not_retried(logs):
    before, after = letter(at_ms=1), letter(at_ms=9)
    logs[LETTERS] = written(before, mark(before), after)
    listing = letters(SETTINGS, Which())
    assert [(one.letter.at_ms, one.sent_as) for one in listing.found] == [(1, "labels/1/99"), (9, "")]


def test_the_newest_are_kept_and_all_are_counted(logs):
    logs[LETTERS] = written(*(letter(offset=i, at_ms=i) for i in range(10)))
    listing = letters(SETTINGS, Which(), limit=3)
    assert [one.letter.offset for one in listing.found] == [7, 8, 9]
    assert listing.total == 10
    assert letters(SETTINGS, Which(since_ms=8)).total == 2


def test_the_mark_of_a_retry_belongs_to_its_letter_and_is_none_itself(logs):
    logs[LETTERS] = written(letter(), letter(line=1), mark(letter()))
    listing = letters(SETTINGS, Which())
    assert [one.sent_as for one in listing.found] == ["labels/1/99", ""]
    assert listing.total == 2


@pytest.mark.parametrize(
    ("which", "offsets"),
    [
        (Which(), [1, 2]), (Which(source="a"), [1]), (Which(model="m"), [2]), (Which(topic="features"), []),
        (Which(ids=frozenset({"labels/1/2/0"})), [2]), (Which(ids=frozenset({"labels/1/2"}), source="a"), []),
    ],
)  # fmt: skip
def test_letters_are_chosen_by_all_that_is_given(logs, which, offsets):
    logs[LETTERS] = written(letter(offset=1, source="a"), letter(offset=2, model="m"))
    assert [one.letter.offset for one in letters(SETTINGS, which).found] == offsets


@pytest.mark.parametrize("wrong", ["labels", "labels/1", "nolabels/1/7", "labels/1/7/0/0", "labels/1/-7"])
def test_an_id_that_is_none_is_refused_with_an_example(wrong):
    with pytest.raises(ValueError, match="as labels/1/7/0"):
        ids([wrong])


def test_records_are_read_again_as_far_as_they_are_kept(logs):
    logs[LABELS] = [Record(i, 100 + i, b"%d" % i) for i in range(5, 9)]
    found = originals(SETTINGS, [letter(4), letter(5, at_ms=105), letter(7, at_ms=1), letter(9)])
    assert {place[1]: (o.record.value, o.is_same) for place, o in found.items()} == {5: (b"5", True), 7: (b"7", False)}


def test_only_refused_lines_are_sent_again_unless_an_envelope_holds_them_together():
    value = b"a\n \nb\nc\n"
    assert value_of(Record(0, 0, value, headers=LINES), [0, 2]) == b"a\nc"
    assert value_of(Record(0, 0, value, headers=(*LINES, ("ce_id", b"1"))), [0]) == value
    assert value_of(Record(0, 0, value), [0]) == value


def test_a_line_is_judged_by_itself():
    record = Record(0, 0, GOOD + b"\n{", headers=LINES)
    assert still_refused(letter(line=0), record) is None
    assert still_refused(letter(line=1), record).code == "not-json"


def dry(**options):
    return {one.id: one.fate for one in retry.retry(SETTINGS, Which(), dry_run=True, **options)}


def test_a_retry_takes_what_can_be_read_now_and_says_why_it_leaves_the_rest(logs):
    logs[LABELS] = [Record(7, 0, GOOD + b"\n{", headers=LINES), Record(8, 0, GOOD)]
    other = Letter(topic="specs", partition=0, offset=0, reason="not-json")
    some = [letter(), letter(line=1), letter(6), letter(8), other]
    logs[LETTERS] = written(*some, mark(some[3]))

    fates = {"labels/1/7/0": Fate.WOULD, "labels/1/7/1": Fate.STILL, "labels/1/6/0": Fate.GONE,
             "labels/1/8/0": Fate.BEFORE, "specs/0/0/0": Fate.INTERNAL}  # fmt: skip
    assert dry() == fates
    assert dry(force=True) == fates | {"labels/1/7/1": Fate.WOULD}


def test_a_topic_that_was_made_again_is_not_sent_from(logs):
    logs[LABELS] = [Record(7, 500, GOOD)]
    logs[LETTERS] = written(letter(at_ms=400))
    assert dry(force=True) == {"labels/1/7/0": Fate.GONE}
