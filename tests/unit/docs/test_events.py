"""The page for producers says what is so: its examples are read, its code runs, its tables are complete."""

import json
import re
from pathlib import Path

import pytest
from streamgauge import Code, Refusal, decode, mend
from streamgauge.cloudevents import STRUCTURED, CloudEvent
from streamgauge.events import MAX_FEATURES, MAX_LINES, MAX_REVISION, MAX_SHADOWS
from streamgauge.kserve import REQUEST, RESPONSE, join, read_half
from streamgauge.wire import readers

from stream.folds.bridge import Bridge

PAGE = (Path(__file__).parents[3] / "docs" / "events.md").read_text()
FLOWING = " ".join(PAGE.split())
EVENTS = re.findall(r"^`(\w+)`(, structured)?:\n\n```json\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| ")]


def test_each_format_of_json_has_an_example():
    assert [(kind, bool(mode)) for kind, mode, _ in EVENTS] == [
        ("labels", False),
        ("predictions", False),
        ("labels", True),
    ]


@pytest.mark.parametrize(("kind", "mode", "text"), EVENTS)
def test_an_example_is_read(kind, mode, text):
    headers = [("content-type", STRUCTURED.encode())] if mode else []
    assert not any(isinstance(each, Refusal) for each in decode(kind, text.encode(), headers))


def test_the_request_and_the_response_are_a_pair():
    request, response = re.findall(r"```json\n(\{\"(?:inputs|model_name).*?)```", PAGE, re.DOTALL)
    halves = [
        read_half(CloudEvent("a", "/s", type_, body.encode(), attributes={"inferenceservicename": "m"}), 0)
        for type_, body in ((REQUEST, request), (RESPONSE, response))
    ]
    assert [(each.prediction_id, each.score, each.version) for each in join(*halves)] == [
        ("a_0", 0.23, "3"),
        ("a_1", 0.5, "3"),
    ]


def test_the_code_runs(capsys):
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(block, "events.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == re.findall(r"print\(.*\)  # (.*)", block)


@pytest.mark.parametrize("kind", ["features", "predictions", "labels"])
def test_each_field_has_a_line(kind):
    named = [row[0].strip("`") for row in ROWS if len(row) == 3 and (kind in row[1].split(", ") or row[1] == "all")]
    assert sorted(named) == sorted(mend.known(kind))
    required = next(row[2] for row in ROWS if row[0] == f"`{kind}`")
    assert required.replace("`", "").split(", ") == list(mend.required(kind))


def test_each_format_and_each_reason_has_a_line():
    assert {row[0] for row in ROWS} >= {f"`{each}`" for each in (*readers, STRUCTURED, *Code)}


def test_the_bounds_are_those_of_the_code():
    fold = Bridge(0)
    assert f"waits {fold.wait_ms // 60_000} minutes" in FLOWING
    assert f"{fold.max_waiting:,} halves and {fold.max_bytes >> 20} MiB" in FLOWING
    assert f"0 (if absent) to {MAX_REVISION} " in FLOWING
    for limit in (MAX_FEATURES, MAX_LINES, MAX_SHADOWS):
        assert f"at most {limit:,}" in FLOWING


def test_examples_are_json():
    for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL):
        json.loads(text)
