"""``streamgauge spec``: what is watched, put in force and shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

File = Annotated[Path, typer.Argument(help="The monitor's spec, YAML.", exists=True, dir_okay=False)]
Name = Annotated[str, typer.Argument(help="The monitor's name.")]

app = typer.Typer(no_args_is_help=True, help="What is watched: put a monitor's spec in force, or show it.")


@app.command("apply")
def apply_(file: File) -> None:
    """Put a spec in force as the monitor's next revision."""
    from streamgauge.spec import MonitorSpec  # noqa: PLC0415

    from stream.ops.spec import apply  # noqa: PLC0415
    from stream.settings import load  # noqa: PLC0415

    spec = MonitorSpec.from_yaml(file.read_text())
    revision = apply(load(), spec)
    typer.echo(f"monitor {spec.monitor}: revision {revision} is in force for model {spec.model}")
    if spec.reference is not None and revision == 1:
        typer.echo(f"learning until it has a reference: streamgauge reference build {spec.monitor}")


@app.command()
def show(monitor: Name) -> None:
    """Print the revision in force, as JSON."""
    from stream.ops.controls import newest_spec  # noqa: PLC0415
    from stream.settings import load  # noqa: PLC0415

    record = newest_spec(load(), monitor)
    if record is None:
        typer.echo(f"no monitor {monitor!r} is in force: streamgauge spec apply FILE", err=True)
        raise typer.Exit(1)
    shown = {"revision": record.revision, "who": record.who, "reference": record.reference_sha, "spec": record.spec}
    typer.echo(json.dumps(shown, indent=1))


@app.command()
def schema() -> None:
    """Print the JSON schema of a spec."""
    from streamgauge.spec import MonitorSpec  # noqa: PLC0415

    typer.echo(json.dumps(MonitorSpec.model_json_schema(), indent=1))
