"""The JSON in the SDK's README is what the contract reads, and each field that it calls required is."""

import json
import re
from pathlib import Path

import pytest
from streamgauge import Refusal, decode

README = (Path(__file__).parents[3] / "sdk" / "README.md").read_text()
EXAMPLES = re.findall(r"`streamgauge\.(\w+)`, .*?Required: (.*?)\..*?```json\n(.*?)```", README, re.DOTALL)


def test_each_public_topic_has_an_example():
    assert [topic for topic, _, _ in EXAMPLES] == ["features", "predictions", "labels"]


@pytest.mark.parametrize(("topic", "required", "text"), EXAMPLES)
def test_an_example_is_read_and_only_the_required_fields_are_needed(topic, required, text):
    names = re.findall(r"`(\w+)`", required)
    values = json.loads(text)
    assert not isinstance(decode(topic, text.encode())[0], Refusal)
    assert not isinstance(decode(topic, json.dumps({name: values[name] for name in names}).encode())[0], Refusal)
    for name in names:
        rest = {other: value for other, value in values.items() if other != name}
        refused = decode(topic, json.dumps(rest).encode())[0]
        assert isinstance(refused, Refusal)
        assert refused.field == f"/{name}"
