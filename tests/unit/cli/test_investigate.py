"""The command that asks for a second opinion: what it takes, what it shows, and what it says where it cannot."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from streamgauge.spec import MonitorSpec
from typer.testing import CliRunner

from stream.cli import investigate as command
from stream.cli.main import app
from stream.ops.flagged import Flagged, Ours
from stream.ops.investigations import Investigation, new_id
from stream.ops.opinion import LICENCE, Opinion, is_installed

SPEC = MonitorSpec.from_yaml("""
monitor: m
model: flights
task: binary
features: {x: {type: number}, c: {type: category}}
""")
OURS = Ours("vd-1", "x", 1_000, 3_600, "drift", 118.0, 90.0, 0.31, "js", 0.05, "x: more than by chance")
FLAGGED = Flagged("INC-1", "x drifts in flights", "L", SPEC, "abcdef0123456789", ("x", "c"), 0, 3_600_000, {"x": OURS})
SAID = (
    Opinion("ks", "x", "KS distance", 0.2, 1e-9, 0.05, True, 400, 100, 0.1),
    Opinion("chi2", "c", reference_rows=400, rows=5, note="400 and 5 values: too few, 20 needed"),
    Opinion("classifier", "", "KS distance of a forest's answers", 0.01, 0.8, 0.05, False, 400, 100),
)
DONE = Investigation("IV-1", 5, "me", "alibi-detect 0.13.0", FLAGGED, 400, 100, SAID)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "which one? Give an incident's id, or --model, --feature and --pane"),
        (["--model", "m"], "which one?"),
        (["INC-1", "--model", "m"], "not both"),
        (["--model", "m", "--feature", "x", "--feature", "c", "--pane", "2013-01-01"], "--feature: one with --pane"),
        (["INC-1", "--tests", "kss"], "--tests kss: no such test: did you mean ks? (ks, cvm, chi2, fet, tabular"),
        (["INC-1", "--tests", "foo"], "--tests foo: no such test: (ks, cvm"),
        (["INC-1", "--json", "nowhere/at/all.json"], "cannot be written: there is no folder nowhere/at"),
    ],
)
def test_what_is_asked_wrongly_is_said_with_the_mend(arguments, said):
    done = CliRunner().invoke(app, ["investigate", *arguments])
    assert done.exit_code == 2
    assert said in done.stderr


@pytest.mark.skipif(is_installed(), reason="alibi-detect is installed here")
def test_without_alibi_detect_it_says_how_to_get_it_and_what_its_licence_allows():
    done = CliRunner().invoke(app, ["investigate", "INC-1"])
    assert done.exit_code == 3
    assert "make alibi" in done.stderr
    assert "Business Source License 1.1" in done.stderr


def test_the_result_is_shown_beside_ours_with_the_licence(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "160")
    command._tell(DONE, None)
    text = " ".join(capsys.readouterr().out.split())
    assert "window: 100 rows of 1970-01-01 to 1970-01-01T01:00:00Z; reference: 400 rows (abcdef012345)" in text
    assert "ours: x: more than by chance" in text
    assert "ours: c: no verdict in that time" in text
    assert "drift: 118 d, js 0.31 (floor 0.05)" in text
    assert "alibi-detect 0.13.0 finds a change in 1 of 2 tests" in text
    assert LICENCE in text


def test_the_json_holds_both_and_no_nan(tmp_path: Path, capsys):
    command._tell(DONE, tmp_path / "result.json")
    found = json.loads((tmp_path / "result.json").read_text())
    assert found["ours"][0]["evidence_days"] == 118.0
    assert [each["finds"] for each in found["theirs"]] == [True, None, False]
    assert found["theirs"][1]["p"] is None
    assert found["licence"] == LICENCE
    capsys.readouterr()
    command._tell(DONE, Path("-"))
    assert json.loads(capsys.readouterr().out) == found


def test_of_all_inputs_together_our_surest_verdict_stands_beside():
    assert DONE.ours(SAID[0]) is OURS
    assert DONE.ours(SAID[1]) is None
    assert DONE.ours(SAID[2]) is OURS
    assert DONE.finding == SAID[:1]
    assert new_id(FLAGGED, 5) != new_id(FLAGGED, 6)


def test_a_verdict_that_judged_nothing_is_its_status():
    none = Ours("vd-2", "x", 0, 60, "insufficient", None, None, None, "", None, "too few")
    assert command._ours(none) == "insufficient"
    assert command._figure(math.nan) == ""
