"""The command with alibi-detect, on the real engine and a real broker: from an incident to rows in a view."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("alibi_detect", reason="the extra alibi is not installed: make test-alibi", exc_type=ImportError)

from stream.cli.main import app
from stream.clickhouse.client import connect
from stream.ops.opinion import LICENCE
from stream.settings import Settings, as_environment
from tests.integration.clickhouse_database import rows_of
from tests.integration.test_investigate import filled, settings

__all__ = ["filled", "settings"]
pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]


def test_an_incident_gets_its_second_opinion(filled: Settings, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    done = CliRunner().invoke(app, ["investigate", "INC-1", "--json", str(path)], env=as_environment(filled))
    assert done.exit_code == 0, done.output
    found = json.loads(path.read_text())
    theirs = {(each["test"], each["feature"]): each for each in found["theirs"]}

    assert (found["incident"], found["rows"], found["reference_rows"]) == ("INC-1", 80, 400)
    assert found["library"] == "alibi-detect 0.13.0"
    assert set(theirs) == {
        ("ks", "x"), ("cvm", "x"), ("fet", "x"), ("tabular", ""), ("classifier", ""), ("mahalanobis", ""),
        ("iforest", ""),
    }  # fmt: skip
    assert theirs["ks", "x"]["finds"]
    assert theirs["ks", "x"]["statistic"] == 1.0
    assert not theirs["fet", "x"]["finds"]
    assert LICENCE.split(":")[0] in " ".join(done.output.split())
    with closing(connect(filled.clickhouse)) as client:
        kept = rows_of(client, "SELECT test, feature, finds, evidence_days FROM investigations")
    assert {(row["test"], row["feature"]): row["finds"] for row in kept} == {k: v["finds"] for k, v in theirs.items()}
    assert {row["evidence_days"] for row in kept} == {400.0}
