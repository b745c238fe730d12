"""References on a terminal: what was built, a list, a portrait; and the same as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from streamgauge.durations import format_duration

from stream.ops.reference import Built
from stream.ops.references import Kept
from stream.references.histogram import sparkline
from stream.references.portrait import FeaturePortrait, OutlierPortrait, Portrait, PromisePortrait, portrait
from stream.references.times import moment

SHORT, MOST_SEGMENTS, SHOWN_GROUPS = 12, 5, 6
_SHAPE = "shape"

Json = dict[str, object]


def built(console: Console, monitor: str, made: Built) -> None:
    """Say what was built; what speaks against it comes first, so that nobody misses it."""
    shown = portrait(made.reference)
    if shown.can_alarm and not shown.is_stationary:
        console.print("[bold red]The reference itself drifts:[/] what is judged by it is worth little. See below.")
    console.print(f"monitor {escape(monitor)}: revision {made.revision} is in force with reference {made.sha}")
    console.print(f"It holds {shown.rows:,} rows in {shown.panes:,} panes of {shown.pane}: {escape(shown.said)}.")
    for line in _notes(shown):
        console.print(line)
    console.print("It takes effect for panes from now on; figures come with the first final pane.")
    console.print(f"To see it: streamgauge reference show {escape(monitor)}")


def built_json(monitor: str, made: Built) -> Json:
    """Return what was built as plain values."""
    head = {"monitor": monitor, "sha": made.sha, "revision": made.revision, "size": made.size}
    return {**head, **asdict(portrait(made.reference))}


def table(known: list[Kept]) -> Table:
    """Return references as a table, a line for each."""
    found = Table(box=None, pad_edge=False, header_style="bold")
    right = ("rows", "panes", "labels", "warnings", "kB")
    for title in ("sha", "monitor", "revision", "made of", "rows", "panes", "alarms", "labels", "warnings", "kB"):
        found.add_column(title, justify="right" if title in right else "left", overflow="fold")
    for one in known:
        found.add_row(*_line(one), style="" if one.is_in_force else "dim")
    return found


def _line(one: Kept) -> Iterator[str]:
    first, last = one.revisions
    revisions = f"{first}" if first == last else f"{first} to {last}"
    yield from (one.sha[:SHORT], escape(one.monitor), f"{revisions}{', in force' if one.is_in_force else ''}")
    if one.reference is None:
        yield from (escape(one.problem), "", "", "", "", "")
    else:
        shown = portrait(one.reference)
        yield from (escape(shown.said), f"{shown.rows:,}", f"{shown.panes:,}", "yes" if shown.can_alarm else "no")
        yield from (f"{100 * shown.label_share:.0f} %", str(len(shown.warnings)))
    yield f"{one.size / 1_000:,.0f}"


def line_json(one: Kept) -> Json:
    """Return a reference as plain values, without its features."""
    found = {**_head(one), "problem": one.problem}
    if one.reference is None:
        return found
    shown = asdict(portrait(one.reference))
    return found | {name: value for name, value in shown.items() if name not in ("features", "promise")}


def shown_json(one: Kept) -> Json:
    """Return all that is shown of a reference as plain values."""
    return _head(one) if one.reference is None else {**_head(one), **asdict(portrait(one.reference))}


def _head(one: Kept) -> Json:
    return {
        "sha": one.sha,
        "monitor": one.monitor,
        "model": one.model,
        "revisions": list(one.revisions),
        "is_in_force": one.is_in_force,
        "built": moment(one.at_ms // 1000 * 1000),
        "who": one.who,
        "size": one.size,
    }


def show(console: Console, one: Kept) -> None:
    """Draw a reference."""
    if one.reference is None:
        return
    shown = portrait(one.reference)
    for line in (*_about(one, shown), *_notes(shown)):
        console.print(line)
    console.print()
    console.print(_features(shown))
    if shown.promise:
        console.print()
        for line in _promise(one, shown):
            console.print(line)


def _about(one: Kept, shown: Portrait) -> Iterator[str]:
    first, last = one.revisions
    where = "in force" if one.is_in_force else f"was in force with revisions {first} to {last}"
    yield f"[bold]{escape(one.monitor)}[/] · reference {one.sha} · {where}"
    made = f"{escape(shown.said)} · built {moment(one.at_ms // 1000 * 1000)}" + (f" by {one.who}" if one.who else "")
    yield f"made of   {made}"
    size = f"{shown.rows:,} rows in {shown.panes:,} panes of {shown.pane}, {shown.rows_per_pane:,.0f} rows each"
    yield f"holds     {size}, {shown.from_} to {shown.to}; {one.size / 1_000:,.0f} kB"
    yield f"status    {escape(shown.status)}"
    if shown.can_alarm:
        windows = ", ".join(f"{panes} ({length})" for panes, length in shown.windows)
        least, most = shown.effective_panes
        worth = f"{least:.0f}" if round(least) == round(most) else f"{least:.0f} to {most:.0f}"
        yield f"windows   of {windows} panes; worth {worth} panes, by feature{_pairs(shown)}"
    if shown.groups:
        yield f"groups    {_groups(shown)}"
    if shown.outliers:
        yield f"outliers  {_outliers(shown.outliers)}"
    if shown.cycle:
        yield f"cycle     {shown.cycle}: {_phases(shown)}"
    yield f"labels    {_labels(shown)}"


def _pairs(shown: Portrait) -> str:
    return f"; {shown.pairs} features are watched in pairs" if shown.pairs else ""


def _groups(shown: Portrait) -> str:
    """Return the groups that are watched apart, the largest first; of many the first ones."""
    more = len(shown.groups) - SHOWN_GROUPS
    named = ", ".join(escape(group) for group in shown.groups[:SHOWN_GROUPS])
    return f"{named}{f' and {more} more' if more > 0 else ''}: features are watched within them too"


def _outliers(found: OutlierPortrait) -> str:
    by = "half-space trees" if found.by == "trees" else "the distance from the middle"
    return f"{found.share:.2%} of the rows, by {by}; judged in windows of {found.window} panes"


def _phases(shown: Portrait) -> str:
    return f"{shown.phases} phases, each compared with its like" if shown.phases > 1 else "windows are whole cycles"


def _labels(shown: Portrait) -> str:
    if shown.label_age_ms < 0:
        return "none: performance is judged by what versions promise"
    age = format_duration(shown.label_age_ms // 1000 * 1000) if shown.label_age_ms >= 1_000 else "a second"
    return f"{100 * shown.label_share:.1f} % of the rows got one, 95 % of these within {age}"


def _notes(shown: Portrait) -> Iterator[str]:
    yield from (f"[yellow]warning:[/]  {escape(warning)}" for warning in shown.warnings)
    yield from (f"[green]mend:[/]     {escape(advice)}" for advice in shown.advice)


def _features(shown: Portrait) -> Table:
    found = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("feature", _SHAPE, "values", "missing", "design effect", "panes", "judged in windows of"):
        right = title in ("missing", "design effect", "panes")
        found.add_column(title, justify="right" if right else "left", overflow="fold", no_wrap=title == _SHAPE)
    for feature in shown.features:
        name = f"{escape(feature.name)}{' (answer)' if feature.is_answer else ''}"
        design = f"{feature.design_effect:,.1f}"
        numbers = (f"{100 * feature.missing:.2g} %", design, f"{feature.effective_panes:,.0f}")
        found.add_row(name, sparkline(feature.histogram), escape(_values(feature)), *numbers, escape(_watched(feature)))
    return found


def _values(feature: FeaturePortrait) -> str:
    if feature.kind == "number":
        return "" if feature.low is None else f"{feature.low:.4g} to {feature.high:.4g}"
    if not feature.levels:
        return f"{feature.level_count:,} levels"
    named = ", ".join(f"{level[:20]} {100 * share:.0f} %" for level, share in feature.levels)
    more = feature.level_count - len(feature.levels)
    return named + (f" and {more:,} more" if more > 0 else "")


def _watched(feature: FeaturePortrait) -> str:
    panes = ", ".join(map(str, feature.watched))
    return f"{panes}{' · ' if panes and feature.why else ''}{feature.why}"


def _promise(one: Kept, shown: Portrait) -> Iterator[str]:
    of = f"version {escape(shown.promise_of)}" if shown.promise_of else "answers whose version is not named"
    yield f"promise   of {of}" + (f"; before labels: {', '.join(shown.estimates)}" if shown.estimates else "")
    for metric in dict.fromkeys(each.metric for each in shown.promise):
        mine = [each for each in shown.promise if each.metric == metric]
        yield f"  {metric:10} " + _promised(next(each for each in mine if not each.segment))
        if metric == _judged(one, shown):
            worst = [each for each in mine if each.segment][:MOST_SEGMENTS]
            yield from (f"    {escape(f'{each.segment} = {each.level}'):24} {_promised(each)}" for each in worst)


def _judged(one: Kept, shown: Portrait) -> str:
    performance = one.spec.get("performance")
    named = performance.get("metric") if isinstance(performance, dict) else None
    known = [each.metric for each in shown.promise]
    return str(named) if named in known else known[0]


def _promised(each: PromisePortrait) -> str:
    return f"{each.value:.4g} ({each.labels:,} labels, worth {each.effective_labels:,.0f})"
