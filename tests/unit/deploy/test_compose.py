"""The compose file is valid, complete and closed to the outside; no engine is needed to know."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import yaml

from stream.settings import load
from stream.topology import WIRINGS

ROOT = Path(__file__).parents[3]

STRINGS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
DURATION = {"type": "string", "pattern": r"^(\d+h)?(\d+m)?(\d+s)?$"}
SERVICE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["image"],
    "properties": {
        "image": {"type": "string", "pattern": r"^[a-z0-9./-]+:\d[\w.-]*$"},
        "profiles": {"type": "array", "items": {"type": "string"}},
        "build": {
            "type": "object",
            "additionalProperties": False,
            "required": ["context", "dockerfile"],
            "properties": {"context": {"type": "string"}, "dockerfile": {"type": "string"}},
        },
        "command": STRINGS,
        "entrypoint": STRINGS,
        "environment": {
            "type": "object",
            "propertyNames": {"pattern": "^[A-Z][A-Z0-9_]*$"},
            "additionalProperties": {"type": "string"},
        },
        "ports": {"type": "array", "items": {"type": "string", "pattern": r"^127\.0\.0\.1:\d+:\d+$"}},
        "volumes": {"type": "array", "items": {"type": "string", "pattern": r"^[\w./-]+:/[\w./-]+(:ro)?$"}},
        "tmpfs": STRINGS,
        "depends_on": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["condition"],
                "properties": {"condition": {"enum": ["service_healthy", "service_completed_successfully"]}},
            },
        },
        "healthcheck": {
            "type": "object",
            "additionalProperties": False,
            "required": ["test"],
            "properties": {
                "test": {"type": "array", "prefixItems": [{"const": "CMD"}], "items": {"type": "string"}},
                "interval": DURATION,
                "timeout": DURATION,
                "retries": {"type": "integer", "minimum": 1},
            },
        },
        "restart": {"type": "string", "pattern": r"^(unless-stopped|on-failure(:\d+)?)$"},
        "stop_grace_period": DURATION,
        "read_only": {"type": "boolean"},
        "init": {"type": "boolean"},
        "cap_drop": STRINGS,
        "security_opt": STRINGS,
        "ulimits": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["soft", "hard"],
                "properties": {"soft": {"type": "integer"}, "hard": {"type": "integer"}},
            },
        },
    },
}
COMPOSE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "services", "volumes"],
    "patternProperties": {"^x-": {}},
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
        "services": {"type": "object", "additionalProperties": SERVICE},
        "volumes": {"type": "object", "additionalProperties": {"type": "object", "maxProperties": 0}},
    },
}


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def ours(compose):
    return {name: it for name, it in compose["services"].items() if it["image"].startswith("streamgauge:")}


def test_it_keeps_to_the_schema(compose):
    jsonschema.validate(compose, COMPOSE, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    "wrong", [{"port": []}, {"ports": ["9092:9092"]}, {"environment": {"A": 1}}, {"restart": True}]
)
def test_the_schema_is_strict(compose, wrong):
    kafka = {**compose["services"]["kafka"], **wrong}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(kafka, SERVICE, cls=jsonschema.Draft202012Validator)


def test_services_wait_for_services_that_can_say_that_they_are_ready(compose):
    services = compose["services"]
    for service in services.values():
        for name, wait in service.get("depends_on", {}).items():
            assert (wait["condition"] == "service_healthy") == ("healthcheck" in services[name])


def test_volumes_are_declared_and_files_are_there(compose):
    used = set()
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).is_file()
            else:
                used.add(source)
    assert used == set(compose["volumes"])


def test_every_role_of_the_topology_has_a_service(compose):
    assert {wiring.name for wiring in WIRINGS} <= set(ours(compose))
    for name, service in ours(compose).items():
        if name not in ("migrate", "retrain"):
            assert service["command"] == ["worker", "--fold", name]


def test_our_settings_exist_and_servers_are_run_by_others(compose):
    for service in ours(compose).values():
        plain = {name: re.sub(r"\$\{.*\}", "word", value) for name, value in service["environment"].items()}
        settings = load(plain)
        assert settings.kafka.external
        assert settings.clickhouse.external


def test_passwords_have_no_default(compose):
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if name.endswith("PASSWORD"):
                assert re.fullmatch(r"\$\{\w+:\?set \w+\}", value)


def test_our_containers_can_change_nothing_but_their_data(compose):
    for service in ours(compose).values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["volumes"] == ["data:/data"]


def test_the_image_runs_as_nobody_special_and_holds_what_is_packaged():
    lines = (ROOT / "deploy" / "Dockerfile").read_text().splitlines()
    assert "USER 10001:10001" in lines
    copied = {line.split()[1] for line in lines if line.startswith("COPY") and len(line.split()) == 3}
    allowed = {
        line[1:] for line in (ROOT / "deploy/Dockerfile.dockerignore").read_text().splitlines() if line[0] == "!"
    }
    assert {"sdk", "detectors", "models", "stream", "retrain"} <= copied
    assert copied <= allowed
    for name in allowed:
        assert (ROOT / name).exists()


def test_grafana_reads_as_the_reader(compose):
    source = yaml.safe_load((ROOT / "deploy/grafana/datasources.yml").read_text())["datasources"][0]
    environment = ours(compose)["store"]["environment"]
    assert source["jsonData"]["username"] == environment["STREAMGAUGE_CLICKHOUSE__READER"]
    assert source["jsonData"]["defaultDatabase"] == environment["STREAMGAUGE_CLICKHOUSE__DATABASE"]
    assert source["secureJsonData"]["password"].strip("$") in compose["services"]["grafana"]["environment"]


@pytest.mark.parametrize("path", sorted((ROOT / "deploy" / "clickhouse").glob("*.xml")), ids=lambda path: path.name)
def test_the_servers_own_files_are_well_formed(path):
    assert ET.parse(path).getroot().tag == "clickhouse"
