"""The tables on the terminal, and the document next to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

Figures = dict[str, Any]


def show(document: Figures, console: Console) -> None:
    """All tables."""
    if document["false_rollbacks"]:
        console.print(_false(document["false_rollbacks"]))
    if document["seconds_to_rollback"]:
        console.print(_speed(document["seconds_to_rollback"]))
    if "live" in document:
        console.print(_live(document["live"]))
    if "verdict_us" in document:
        console.print(f"one verdict: {document['verdict_us']}", soft_wrap=True)


def write(file: Path, document: Figures) -> None:
    """All figures, whole or not at all."""
    file.parent.mkdir(exist_ok=True)
    temporary = file.with_suffix(".new")
    temporary.write_text(json.dumps(document, indent=2) + "\n")
    temporary.replace(file)


def _false(rows: dict[str, Figures]) -> Table:
    names = list(next(iter(rows.values()))["rolled_back"])
    releases = next(iter(rows.values()))["releases"]
    table = Table("canary, true failure", *names, title=f"false rollbacks, % of {releases} good releases of 600 s")
    for title, row in rows.items():
        table.add_row(title, *(_percent(row["rolled_back"][name], row["releases"]) for name in names))
    return table


def _percent(count: int, of: int) -> str:
    # Nothing seen in n releases only bounds the rate, at 95 %, by 3/n.
    return f"0 (<{300 / of:.2g})" if not count else f"{100 * count / of:.3g}"


def _speed(rows: dict[str, Figures]) -> Table:
    names = list(next(iter(rows.values()))["rules"])
    releases = next(iter(rows.values()))["releases"]
    table = Table(
        "canary, failure",
        "Wald",
        *names,
        "best Argo",
        "(window 1m)",
        "best Flagger",
        title=f"median seconds to rollback (90th percentile) of {releases} bad releases, at equal false alarms",
    )
    for title, row in rows.items():
        argo, flagger = row["peers"]["Argo"], row["peers"]["Flagger"]
        table.add_row(
            title,
            f"{row['wald_s']:g}",
            *(_seconds(row["rules"][name]) for name in names),
            f"{_seconds(argo['any window'])} {_setting(argo['any window'])}",
            f"{_seconds(argo['window 1m'])} {_setting(argo['window 1m'])}",
            f"{_seconds(flagger['any window'])} {_setting(flagger['any window'])}",
        )
    return table


def _live(kinds: dict[str, Figures]) -> Table:
    table = Table(
        "release",
        "as it should be",
        "failed requests",
        "its traffic until it was rolled back, s",
        "first traffic to end, s",
        title="on the lab: minimum, median, maximum",
    )
    for meaning, one in kinds.items():
        spreads = (one["failed_requests"], one["bad_traffic_s"], one["first_traffic_to_end_s"])
        shown = (f"{each['min']:g}, {each['median']:g}, {each['max']:g}" for each in spreads)
        table.add_row(meaning, f"{one['as_wanted']} of {one['releases']}", *shown)
    return table


def _setting(figures: Figures) -> str:
    return str(figures["setting"]).split(" ", 1)[1]


def _seconds(figures: Figures) -> str:
    median, high = figures["median_s"], figures["p90_s"]
    if median is None:
        return "never"
    return f"{median:g} ({'never' if high is None else format(high, 'g')})"
