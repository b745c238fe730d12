import pytest

from stream.references.advice import advice
from tests.references import reference_of, rows_of, spec_of


@pytest.mark.parametrize(
    ("panes", "each", "changes", "said"),
    [
        (44, 600, {}, ("a pane of 10m would give 264 panes of 100 rows",)),
        (44, 600, {"cycle": "week"}, ("a pane of 30m would give 88 panes of 300 rows",)),
        (44, 250, {}, ("a pane of 30m would give 88 panes of 125 rows",)),
        (40, 100, {}, ("60 panes of 100 rows need 6,000 rows, and it has 4,000: take a longer span",)),
        (50, 150, {}, ("take a longer span: 200 panes are 8d8h",)),
        (80, 100, {}, ("take a longer span: 200 panes are 8d8h",)),
        (200, 20, {}, ()),
    ],
)
def test_what_would_give_more_panes(panes, each, changes, said):
    reference = reference_of(spec_of(segments=[], **changes), rows_of(panes, each))
    if "cycle" not in changes:
        assert reference.panes == panes
    assert advice(reference) == said


def test_a_reference_that_drifts_is_to_be_taken_from_another_span():
    rows = rows_of(panes=400)
    rows.columns["x"] = rows.columns["x"] + rows.event_ms / rows.event_ms.max() * 6_000
    assert advice(reference_of(rows=rows)) == (
        "take a span in which nothing changed: a newer one, or one between two changes",
    )
