"""``streamgauge spec``: what is watched, put in force and shown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from streamgauge.spec import MonitorSpec

File = Annotated[Path, typer.Argument(help="The monitor's spec, YAML.", exists=True, dir_okay=False)]
Name = Annotated[str, typer.Argument(help="The monitor's name.")]

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="What is watched: put a monitor's spec in force, or show it."
)


@app.command("apply")
def apply_(file: File) -> None:
    """Put a spec in force as the monitor's next revision."""
    from stream.ops.controls import require_kafka
    from stream.ops.spec import apply
    from stream.settings import load

    spec, settings = read_spec(file), load()
    require_kafka(settings)
    applied = apply(settings, spec)
    if applied.is_new:
        typer.echo(f"monitor {spec.monitor}: revision {applied.revision} is in force for model {spec.model}")
    else:
        typer.echo(f"monitor {spec.monitor}: unchanged: revision {applied.revision} stays in force")
    if not applied.has_reference:
        typer.echo(_how_to_build(spec, file))
    elif applied.names_another:
        typer.echo(f"its reference stays as it was; to make it of what the spec names now: {_build(spec, file)}")


def _how_to_build(spec: MonitorSpec, file: Path) -> str:
    """Return how the monitor comes to its reference."""
    if spec.reference is not None and spec.reference.first is not None:
        panes = spec.reference.first
        return f"learning until its first {panes} panes are final: the reference is then built of them (part retrain)"
    return f"learning until it has a reference: {_build(spec, file)}"


def _build(spec: MonitorSpec, file: Path) -> str:
    command = f"streamgauge reference build {spec.monitor}"
    if spec.reference is None:
        return f"{command} --from DATE --to DATE"
    # The log does not know in which folder the spec is.
    return f"{command} --file {file.parent / spec.reference.file}" if spec.reference.file is not None else command


@app.command()
def show(monitor: Name) -> None:
    """Print the revision in force, as JSON."""
    from stream.ops.controls import newest_spec, require_kafka
    from stream.settings import load

    settings = load()
    require_kafka(settings)
    record = newest_spec(settings, monitor)
    if record is None:
        typer.echo(f"no monitor {monitor!r} is in force: streamgauge spec apply FILE", err=True)
        raise typer.Exit(1)
    shown = {"revision": record.revision, "who": record.who, "reference": record.reference_sha, "spec": record.spec}
    typer.echo(json.dumps(shown, indent=1))


@app.command()
def schema() -> None:
    """Print the JSON schema of a spec."""
    from streamgauge.spec import MonitorSpec

    typer.echo(json.dumps(MonitorSpec.model_json_schema(), indent=1))


def read_spec(file: Path) -> MonitorSpec:
    """Return the spec that a file holds; SpecError names each problem."""
    from streamgauge.spec import MonitorSpec
    from streamgauge.spec_errors import Problem, SpecError

    try:
        return MonitorSpec.from_yaml(file.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise SpecError([Problem(str(file), f"not UTF-8 (byte {error.start}): save it as UTF-8 text")]) from None
    except SpecError as error:
        raise SpecError([replace(each, field=each.field or str(file)) for each in error.problems]) from None
