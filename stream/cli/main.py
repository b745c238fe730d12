"""The command ``streamgauge``: what there is to type, each loaded when it is asked for."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from streamgauge.errors import StreamgaugeError as ContractError
from typer.core import TyperCommand, TyperGroup

from stream.errors import StreamgaugeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typer._click.core import Command, Context

FOUND, USAGE, UNREACHABLE = 1, 2, 3
"""Exit codes beside 0: something was found, wrong usage or settings, something does not answer."""


@dataclass(frozen=True, slots=True)
class Lazy:
    """A command that is not imported yet.

    Attributes
    ----------
    target
        ``module:name`` of a function or of a `typer.Typer` with commands of its own.
    about
        One line for the list of commands.
    """

    target: str
    about: str

    def load(self, name: str) -> Command:
        """Import it and return it as a command of the command line's library."""
        module, _, attribute = self.target.partition(":")
        found = getattr(importlib.import_module(module), attribute)
        if isinstance(found, typer.Typer):
            return typer.main.get_command(found)
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name)(found)
        return typer.main.get_command(alone)


COMMANDS: dict[str, Lazy] = {
    "up": Lazy("stream.cli.up:up", "Start Kafka, ClickHouse and all workers on this machine."),
    "down": Lazy("stream.cli.up:down", "Stop what `up` has started."),
    "status": Lazy("stream.cli.up:status", "Show the parts of this machine."),
    "demo": Lazy("stream.cli.demo:demo", "Watch a year of real flights go through the whole loop."),
    "doctor": Lazy("stream.cli.doctor:doctor", "Say what is wrong with this installation, and the mend."),
    "spec": Lazy("stream.cli.spec:app", "What is watched: put a monitor's spec in force, or show it."),
    "reference": Lazy("stream.cli.reference:app", "What is normal: an artifact made from past rows."),
    "plan": Lazy("stream.cli.plan:plan", "What a monitor would cost: bytes, memory, disk, recovery."),
    "backtest": Lazy("stream.cli.backtest:backtest", "Say what a monitor would have said about rows in a file."),
    "audit": Lazy("stream.cli.audit:audit", "Compute everything again from the ledger and compare."),
    "replay": Lazy("stream.cli.replay:replay", "Compute past panes again beside live, also by another spec."),
    "lineages": Lazy("stream.cli.lineages:app", "Which lineages the views show: switch to a replay, and back."),
    "trace": Lazy("stream.cli.trace:trace", "Say where one event is, what became of it, and why."),
    "investigate": Lazy("stream.cli.investigate:investigate", "Ask other tests about the rows of an incident."),
    "explain": Lazy("stream.cli.explain:explain", "Say why there was an alarm, or why there was none."),
    "incident": Lazy("stream.cli.incident:app", "What is open, why, and what people say of it."),
    "lag": Lazy("stream.cli.lag:lag", "Say how far behind each fold is, in records and seconds."),
    "dead-letters": Lazy("stream.cli.deadletters:app", "What could not be read: look, mend, send again."),
    "query": Lazy("stream.cli.query:query", "Answer a documented question from ClickHouse."),
    "contract": Lazy("stream.cli.contract:app", "What producers and subscribers may rely on, for machines."),
    "sql": Lazy("stream.cli.sql:sql", "Ask ClickHouse, read-only."),
    "migrate": Lazy("stream.cli.migrate:migrate", "Create or renew the topics and the database."),
    "worker": Lazy("stream.cli.worker:worker", "Run one worker (production)."),
}


class LazyGroup(TyperGroup):
    """Lists commands without importing them, and says errors in one place."""

    def list_commands(self, ctx: Context) -> list[str]:
        """Return all names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """Return a command for the list: its name and its line."""
        known = COMMANDS.get(cmd_name)
        return None if known is None else TyperCommand(cmd_name, help=known.about, short_help=known.about)

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """Import the command that was typed."""
        if args[0] not in COMMANDS and (near := get_close_matches(args[0], COMMANDS)):
            ctx.fail(f"No such command '{args[0]}'. Did you mean {' or '.join(near)}?")
        name, _, rest = super().resolve_command(ctx, args)
        return name, COMMANDS[str(name)].load(str(name)), rest

    def invoke(self, ctx: Context) -> object:
        """Run the command; an error that its reader can mend is a sentence, not a traceback."""
        try:
            return super().invoke(ctx)
        except (StreamgaugeError, ContractError) as error:
            _say(error)
        except typer.BadParameter as error:
            _say_plainly(error)
            raise


def _say(error: StreamgaugeError | ContractError) -> NoReturn:
    """Print an error, one problem a line, and exit: 2 for wrong input or settings, 3 for silence."""
    from stream.settings import SettingsError

    problems = getattr(error, "problems", None) or (error,)
    typer.secho("\n".join(map(str, problems)), fg=typer.colors.RED, err=True)
    raise typer.Exit(USAGE if isinstance(error, SettingsError | ValueError) else UNREACHABLE) from error


def _say_plainly(error: typer.BadParameter) -> None:
    """Say in our words what the command line's library found wrong with a value by pydantic."""
    from pydantic import BaseModel, ValidationError
    from streamgauge.spec_errors import problems_of

    found = error.__cause__
    if not isinstance(found, ValidationError):
        return
    problem = problems_of(found, BaseModel)[0]
    value, is_no_time, _ = problem.message.partition(" does not match the formats")
    if is_no_time:
        error.message = f"{value} is no time (write 2026-03-01, or 2026-03-01T12:00:00)"
    else:
        error.message = f"{problem.message} ({problem.hint})" if problem.hint else problem.message


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"streamgauge {version('streamgauge-server')}")
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")]


@app.callback()
def streamgauge(_version: Version = False) -> None:
    """Watch machine-learning models while they run."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    app(args=None if arguments is None else list(arguments))


if __name__ == "__main__":
    main()
