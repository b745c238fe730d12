import pytest

from stream.warm import _ledger, warm


@pytest.mark.parametrize("fold", ["intake", "measure", "store", "decide"])
def test_every_fold_can_be_warmed_and_says_nothing(fold, capsys):
    warm(fold)

    assert capsys.readouterr() == ("", "")


def test_what_warms_is_read_by_the_fast_path_alone():
    """A row that the scanner left to the general path would warm the wrong code."""
    from stream.folds.blocks import Block, decode_entry

    blocks = [e for e in (decode_entry(r.value) for r in _ledger()) if isinstance(e, Block)]

    assert [block.frame.n for block in blocks] == [2, 2]
