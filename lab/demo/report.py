"""Shows what the demo measured: a file for programs, one page for people."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lab.demo.checks import CHECKS
from lab.demo.flags.page import show_flags
from lab.product.measure import PROMOTED

FIRST_TRAFFIC_S, CHANGED_S, BEYOND_HOLDS_S, BAD_TRAFFIC_S, BAD_FAILED = 6.0, 3.0, 5.0, 5.0, 30
Result = Mapping[str, Any]


def write(path: Path, document: Result) -> None:
    """Keep everything that was measured."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")


def show(document: Result, console: Console) -> None:
    """The one page: a row per release, what was aimed at, and what to look at."""
    machine = document["machine"]
    table = Table(title="Four releases under 100 requests a second, seen from the users' side", title_justify="left")
    for column in ("image", "verdict", "push → first\ntraffic, s", "push → end\n(holds), s", "requests", "failed"):
        table.add_column(column, justify="left" if column in ("image", "verdict") else "right")
    table.add_column("bad\ntraffic, s", justify="right")
    for one in document["deliveries"]:
        table.add_row(*_row(one))
    console.print(table)
    for one in document["deliveries"]:
        console.print(f"[bold]{one['image']}[/bold]", Text(one["reason"]), soft_wrap=True)
    for one in document["deliveries"]:
        if one["expected"] == PROMOTED and one["verdict"] == PROMOTED:
            _show_beyond_holds(one, console)
    changed = document.get("target_changed")
    if changed:
        took = changed["changed_to_first_traffic_s"]
        console.print("image set on the Deployment → first traffic:", _judged(took, took <= CHANGED_S), "s")
    _show_chart(document.get("chart", {}), console)
    show_flags(document.get("flags", {}), console)
    for check in CHECKS:
        well = check.holds(document)
        console.print(_judged("holds" if well else "FAILS", well), Text(check.said), soft_wrap=True)
    console.print(
        f"[dim]aims: first traffic ≤ {FIRST_TRAFFIC_S:.0f} s after a push, ≤ {CHANGED_S:.0f} s after a changed target; "
        f"a good release ≤ {BEYOND_HOLDS_S:.0f} s beyond its holds, 0 failed; "
        f"one that fails half: ≤ {BAD_TRAFFIC_S:.0f} s, ≤ {BAD_FAILED} failed[/dim]"
    )
    console.print(
        f"[dim]{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, Linux {machine['kernel']}, "
        f"load {machine['load_average_start']} → {machine['load_average_end']}[/dim]"
    )


def _row(one: Result) -> tuple[str | Text, ...]:
    first, end, holds = one["push_to_first_traffic_s"], one["push_to_end_s"], one["step_holds_s"]
    good = one["expected"] == PROMOTED
    half = one["meaning"].startswith("fails 50")
    return (
        f"{one['image']}\n[dim]{one['meaning']}[/dim]",
        _judged(one["verdict"].replace("_", " "), one["verdict"] == one["expected"]),
        "never" if first is None else _judged(first, first <= FIRST_TRAFFIC_S),
        _judged(f"{end:.1f} ({holds:.0f})", end - holds <= BEYOND_HOLDS_S) if good else f"{end:.1f} ({holds:.0f})",
        str(one["requests"]),
        _judged(one["failed_requests"], one["failed_requests"] <= (0 if good else BAD_FAILED if half else 10**9)),
        _judged(one["bad_traffic_s"], not half or one["bad_traffic_s"] <= BAD_TRAFFIC_S),
    )


def _show_chart(chart: Result, console: Console) -> None:
    """A line for each push of the chart, and what `helm list` shows in the end."""
    for act, done in chart.items():
        took = done["push_to_users_s"]
        lost = _judged(done["shop_failed_requests"], done["shop_failed_requests"] == 0)
        console.print(f"chart {done['chart']} {act}: push → users", "never" if took is None else took, "s,", end=" ")
        console.print("failed requests of the shop meanwhile:", lost)
        if took is None or not done["ready"].startswith("True"):
            console.print(Text(done["ready"] or "the HelmRelease says nothing"), soft_wrap=True)
    if chart:
        shown = list(chart.values())[-1]["helm_lists"]
        console.print("helm list:", Text(" ".join(str(value) for value in shown.values())), soft_wrap=True)


def _show_beyond_holds(one: Result, console: Console) -> None:
    """A release set on the Deployment begins where git's part of a push ends; peers are measured from there."""
    beyond, changed = one["push_to_end_s"] - one["step_holds_s"], one.get("stages", {}).get("target_changed_s")
    console.print(
        "good release, beyond its holds:",
        _judged(f"{beyond:.2f}", beyond <= BEYOND_HOLDS_S),
        "s after the push",
        end="",
    )
    if changed is not None:
        since = beyond - changed
        console.print(",", _judged(f"{since:.2f}", since <= BEYOND_HOLDS_S), "s after the target's change", end="")
    console.print()


def _judged(value: Any, well: bool) -> Text:
    return Text(str(value), style="green" if well else "bold red")
