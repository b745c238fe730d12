"""``streamgauge contract``: what producers and subscribers may rely on, for machines."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="What producers and subscribers may rely on, for machines."
)

Format = Annotated[Literal["yaml", "json"], typer.Option(help="How it is written.")]
Message = Annotated[str, typer.Argument(help="A message, as in LabelEvent; without one, all are listed.")]


@app.command()
def asyncapi(format: Format = "yaml") -> None:
    """Print the AsyncAPI 3.0 document of the public topics, as the settings here name them."""
    import yaml

    from stream.contract.asyncapi import asyncapi as document
    from stream.settings import load

    found = document(load())
    text = json.dumps(found, indent=1) if format == "json" else yaml.safe_dump(found, sort_keys=False, width=120)
    typer.echo(text.rstrip("\n"))


@app.command()
def schema(message: Message = "") -> None:
    """Print the JSON Schema of one message, or the names of all."""
    from difflib import get_close_matches

    from stream.contract.schemas import schemas

    known = schemas()
    if not message:
        typer.echo("\n".join(f"{name}\t{found['description']}" for name, found in known.items()))
    elif message in known:
        draft = {"$schema": "http://json-schema.org/draft-07/schema#"}
        typer.echo(json.dumps({**draft, **known[message]}, indent=1))
    else:
        near = get_close_matches(message, known, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        typer.secho(f"no message {message!r}: {hint}", fg=typer.colors.RED, err=True)
        raise typer.Exit(2)
