"""All settings, read once from the environment (``STREAMGAUGE_…``) by worker and command line.

>>> Settings(runtime=RuntimeSettings(tick_ms=500)).runtime.tick_ms
500
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict
from streamgauge.spec_errors import problems_of

from stream.errors import StreamgaugeError
from stream.topology import CONTROL_BYTES

PREFIX = "STREAMGAUGE_"


class SettingsError(StreamgaugeError):
    """A setting that cannot be used, with its name and the reason."""


class Section(BaseModel):
    """Settings of one part: immutable, without room for names that do not exist."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class KafkaSettings(Section):
    """Where Kafka is."""

    bootstrap: str = Field(
        default="127.0.0.1:9092", description="Address of the broker, host:port; several with commas."
    )
    external: bool = Field(default=False, description="Whether Kafka is run by others: nothing is started here.")
    prefix: str = Field(
        default="streamgauge.",
        pattern=r"^[a-zA-Z0-9._-]*$",
        description="What all names of topics and groups begin with.",
    )
    public_partitions: int = Field(
        default=4,
        ge=1,
        le=1_000,
        description="Partitions of features, predictions and labels when they are created here.",
    )
    wait_s: float = Field(default=60, gt=0, description="How long a worker waits for the broker at its start.")
    control_bytes: int = Field(
        default=CONTROL_BYTES,
        ge=1_000_000,
        le=64_000_000,
        description="Largest record of specs, commands and models; a spec carries its reference, some 4 kB for each "
        "number. Topics that exist are raised to it at the start.",
    )


class ClickHouseSettings(Section):
    """Where ClickHouse is."""

    url: str = Field(default="http://127.0.0.1:8123", description="Address of ClickHouse's HTTP interface.")
    external: bool = Field(default=False, description="Whether ClickHouse is run by others: nothing is started here.")
    database: str = Field(
        default="streamgauge", pattern=r"^\w+$", description="Database that holds all tables and views."
    )
    user: str = Field(default="default", description="User that writes.")
    password: SecretStr = Field(default=SecretStr(""), description="Password of the user that writes.")
    reader: str = Field(default="reader", description="User that only reads: analysts, Grafana, the web page.")
    reader_password: SecretStr = Field(default=SecretStr(""), description="Password of the user that only reads.")


class RuntimeSettings(Section):
    """How the workers run."""

    ledger_partitions: int = Field(
        default=4, ge=1, le=256, description="Partitions of the ledger; fixed once it exists."
    )
    partials_partitions: int = Field(
        default=4, ge=1, le=256, description="Partitions of the partials; fixed once they exist."
    )
    tick_ms: int = Field(
        default=1_000,
        ge=10,
        le=5_000,
        description="Time between the ticks of an intake worker, and of the log clock; slower ones count as behind.",
    )
    checkpoint_s: float = Field(default=30, gt=0, description="Time between two checkpoints of a partition.")
    max_poll_records: int = Field(
        default=8_000, ge=1, description="Records of a partition that one poll returns, and the rest of the last batch."
    )
    fetch_min_bytes: int = Field(
        default=1 << 20, ge=1, description="Bytes that the broker gathers before it answers a fetch, unless it waited."
    )
    fetch_partition_bytes: int = Field(
        default=4 << 20, ge=1, description="Bytes of a partition in one answer of the broker, or one larger batch."
    )
    fetch_wait_ms: int = Field(
        default=50, ge=1, description="How long the broker may hold a fetch to gather `fetch_min_bytes`."
    )
    session_timeout_s: float = Field(
        default=6, ge=1, description="Silence after which a worker's partitions go to others."
    )
    dead_letters_per_minute: int = Field(
        default=1_000,
        ge=0,
        description="Dead letters a minute above which a worker stops, since its input is wrong as a whole.",
    )
    memory_mb: int = Field(
        default=0,
        ge=0,
        description="Resident memory of a worker in MB (10⁶ bytes) above which it says so: in its log, its metrics and "
        "its `/healthz`; 0: never.",
    )
    metrics_host: str = Field(
        default="127.0.0.1", description="Address at which workers serve metrics and health; no login protects them."
    )
    metrics_port: int = Field(
        default=0,
        ge=-1,
        le=65_000,
        description="Port of the metrics of intake; score, measure, decide, store and bridge have the next. "
        "0: any free port, named in `run/workers`; -1: none.",
    )


class RetrainSettings(Section):
    """How the retraining consumer works."""

    max_rows: int = Field(
        default=200_000, ge=500, description="Labelled rows that a model is trained on at most: the newest."
    )
    min_rows: int = Field(default=500, ge=10, description="Labelled rows below which nothing is trained.")
    tolerance: float = Field(
        default=0.02, ge=0, description="How much worse in log loss than the champion a version may be."
    )
    store_wait_s: float = Field(
        default=600, gt=0, description="How long a retrain waits for its cut to be in ClickHouse."
    )
    train_s: float = Field(default=600, gt=0, description="How long a training may take.")
    silence_s: float = Field(
        default=120, gt=0, description="Silence after which a training counts as stuck and is ended."
    )


class Settings(BaseSettings):
    """All settings of the server.

    Read them with `load`, which also refuses variables that do not exist.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid", env_ignore_empty=True
    )

    home: Path = Field(
        default=Path(".streamgauge"),
        description="Folder of all data: Kafka, ClickHouse, checkpoints, models.",
    )
    cache: Path = Field(
        default=Path("~/.cache/streamgauge").expanduser(),
        description="Folder of downloads that any run may share.",
    )
    kafka: KafkaSettings = Field(default=KafkaSettings(), description="Where Kafka is.")
    clickhouse: ClickHouseSettings = Field(default=ClickHouseSettings(), description="Where ClickHouse is.")
    runtime: RuntimeSettings = Field(default=RuntimeSettings(), description="How the workers run.")
    retrain: RetrainSettings = Field(default=RetrainSettings(), description="How the retraining consumer works.")


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings that the environment gives.

    Raises
    ------
    SettingsError
        For a variable that does not exist, with the nearest that does, and for a value that cannot be used.
    """
    _refuse_unknown(os.environ if environment is None else environment)
    try:
        return Settings() if environment is None else _from(environment)
    except ValidationError as error:
        raise SettingsError("\n".join(_sentences(error))) from error


def as_environment(settings: Settings) -> dict[str, str]:
    """Return the variables that give `settings` to a child process, secrets too; `load` is the way back."""
    return {name: _text(value) for name, _, value in _leaves(settings, PREFIX)}


def settings_table() -> str:
    """Return all variables as a Markdown table for the docs."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field, value in _leaves(Settings.model_construct(), PREFIX):
        default = str(value).replace(str(Path.home()), "~")
        lines.append(
            f"| `{name}` | `{default}` | {field.description} |" if default else f"| `{name}` | | {field.description} |"
        )
    return "\n".join(lines)


def _from(environment: Mapping[str, str]) -> Settings:
    sections: dict[str, dict[str, str]] = {}
    plain: dict[str, str] = {}
    for name, value in environment.items():
        if name.upper().startswith(PREFIX) and value:
            section, _, field = name[len(PREFIX) :].lower().partition("__")
            if field:
                sections.setdefault(section, {})[field] = value
            else:
                plain[section] = value
    return _Fixed.model_validate({**plain, **sections})


class _Fixed(Settings):
    """Settings that do not look at the process's own environment."""

    model_config = SettingsConfigDict(env_prefix="\0")


def _leaves(model: BaseModel, prefix: str) -> Iterator[tuple[str, FieldInfo, object]]:
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, Section):
            yield from _leaves(value, f"{prefix}{name.upper()}__")
        else:
            yield prefix + name.upper(), field, value


def _text(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = {name for name, _, _ in _leaves(Settings.model_construct(), PREFIX)}
    unknown = sorted(name for name in environment if name.upper().startswith(PREFIX) and name.upper() not in known)
    if unknown:
        raise SettingsError("\n".join(_hint(name, known) for name in unknown))


def _hint(name: str, known: set[str]) -> str:
    if parts := sorted(each for each in known if each.startswith(f"{name.upper()}__")):
        return f"there is no setting {name} by itself; set one of {', '.join(parts)}"
    near = difflib.get_close_matches(name.upper(), known, n=1)
    mend = f"did you mean {near[0]}?" if near else "docs/operations.md lists all"
    return f"there is no setting {name}; {mend}"


def _sentences(error: ValidationError) -> Iterator[str]:
    for problem in problems_of(error, Settings):
        yield str(replace(problem, field=PREFIX + problem.field.upper().replace(".", "__")))
