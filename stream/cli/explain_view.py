"""How explanations look in a terminal: lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.ops.explain_words import days_of
from stream.ops.trace_panes import when

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stream.ops.blame_cause import Cause
    from stream.ops.explain import Explained, Silence
    from stream.ops.explain_reads import Row
    from stream.ops.incident import Incident


def verdict(found: Explained) -> list[str]:
    """Return a verdict: what was judged, both keys, what follows, its course and its incidents."""
    segment = f" at {found.segment}" if found.segment else ""
    span = f"{when(found.from_ms)} to {when(found.to_ms)}"
    return [
        f"{found.id}  {found.target}{segment} of {found.model}, {span}: {found.status} ({found.kind})",
        f"  {found.reason}",
        *(f"  {sentence}" for sentence in found.sentences),
        f"  {_figures(found)}",
        *_course(found.course),
        *(f"  {one['id']} ({one['level']}): {one['title']}" for one in found.incidents),
    ]


def _figures(found: Explained) -> str:
    keys, parts = found.keys, [f"n {found.keys.n:,}"]
    parts += [f"n_eff {keys.n_eff:,.0f}"] if keys.n_eff is not None else []
    parts += [f"p {keys.p:.2g} of this window alone"] if keys.p is not None else []
    if keys.log_evidence is not None and keys.log_threshold is not None:
        parts.append(f"log evidence {keys.log_evidence:.2f} of {keys.log_threshold:.2f}")
    return f"{' · '.join(parts)} · lineage {found.lineage}"


def _course(rows: Sequence[Row]) -> Iterator[str]:
    if len(rows) < 2:
        return
    yield "  So far:"
    for row in rows:
        yield f"    {_line(row)}"


def _line(row: Row) -> str:
    days, effect = row["evidence_days"], row["effect"]
    sure = days_of(days) if isinstance(days, float) else "-"
    much = f"{row['effect_name']} {effect:.3g}" if isinstance(effect, float) else "-"
    at = row["pane_ms"]
    start = when(at) if isinstance(at, int) else ""
    return f"{row['id']}  pane {start}  {row['status']:<12} {sure:>12}  {much}"


def overview(rows: Sequence[Row]) -> list[str]:
    """Return one line for each verdict."""
    width = max(len(_target(row)) for row in rows)
    return [f"{_target(row):<{width}}  {_line(row)}" for row in rows]


def _target(row: Row) -> str:
    segment = f" at {row['segment_key']}={row['segment_value']}" if row["segment_key"] else ""
    return f"{row['target']}{segment}"


def silence(found: Silence) -> list[str]:
    """Return why nothing was judged."""
    return [f"No verdict on {found.target} of {found.model}.", *found.sentences]


def incident(found: Incident, causes: Sequence[Cause], moved: str = "") -> list[str]:
    """Return an incident: its sentence, how sure, probable causes, what it rests on, and what happened to it.

    `moved` is the sentence on inputs that moved at the same time; empty for none.
    """
    state = f"closed {when(found.closed_ms)}" if found.closed_ms else "open"
    return [
        f"{found.id}  {found.level}, {found.kind}, {state}",
        found.title,
        f"  Since {when(found.since_ms)}, raised {when(found.opened_ms)}. {found.sure}.",
        *(f"  {place + 1}. {cause.sentence}" for place, cause in enumerate(causes)),
        *([f"  {moved}"] if moved else []),
        f"  {found.next}".rstrip(),
        *(line for one in found.verdicts for line in _basis(one)),
        *(
            f"  {when(_ms(row))}  {row['event']} ({row['level']}, {row['actor']}): {row['text']}"
            for row in found.events
        ),
    ]


def _basis(one: Explained) -> Iterator[str]:
    yield f"  {one.id}  {one.reason}"
    for sentence in one.sentences:
        yield f"    {sentence}"


def _ms(row: Row) -> int:
    at = row["at_ms"]
    return at if isinstance(at, int) else 0
