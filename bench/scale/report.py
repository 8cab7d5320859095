"""Shows the runs as one table, a column for each, and writes them with machine, load and settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

Figures = dict[str, Any]


def _percentiles(name: str) -> Callable[[Figures], str]:
    def show(run: Figures) -> str:
        found = run[name]
        return f"{found['p50']:.2f} / {found['p99']:.2f} / {found['max']:.2f}" if found["n"] else "none"

    return show


def _cores(prefix: str) -> Callable[[Figures], str]:
    def show(run: Figures) -> str:
        used = sum(seconds for name, seconds in run["cpu_s"].items() if name.startswith(prefix))
        return f"{used / run['window_s']:.2f}"

    return show


ROWS: list[tuple[str, Callable[[Figures], str]]] = [
    ("backend, workers, routes", lambda run: f"{run['backend']}, {run['workers']}, {run['load']['routes']}"),
    ("releases", lambda run: str(run["releases"])),
    ("outcomes", lambda run: ", ".join(f"{count} {name}" for name, count in run["outcomes"].items())),
    ("wrong outcomes, never begun", lambda run: f"{run['wrong_outcomes']}, {run['never_begun']}"),
    ("in progress at once", lambda run: str(run["in_progress_peak"])),
    ("step lateness p50/p99/max, s", _percentiles("lateness_s")),
    ("released → begun, s", _percentiles("begun_s")),
    ("released → first traffic, s", _percentiles("first_traffic_s")),
    ("route set → accepted, s", _percentiles("route_accepted_s")),
    ("starts per minute", lambda run: str(run.get("starts_per_minute", ""))),
    ("API requests per release", lambda run: str(run["api_requests_per_release"])),
    ("queries per release", lambda run: str(run["queries_per_release"])),
    (
        "most queries/s, at how many in progress",
        lambda run: f"{run['queries_most']['per_s']}, {run['queries_most']['in_progress']}",
    ),
    ("worker memory (PSS), MiB", lambda run: str(run["memory_peak_mib"].get("workers", ""))),
    ("worker CPU-s per release", lambda run: str(run["worker_cpu_s_per_release"])),
    ("server CPU-s per release", lambda run: str(run["server_cpu_s_per_release"])),
    ("cores: workers", _cores("worker-")),
    ("cores: Prefect server", _cores("prefect-server")),
    ("cores: PostgreSQL", _cores("postgresql")),
    ("cores: API server", _cores("lab kube-apiserver")),
    ("cores: Contour", _cores("lab contour")),
    ("machine busy", lambda run: f"{run['machine_busy']:.0%}"),
]


def show(runs: list[Figures], console: Console) -> None:
    """The table."""
    table = Table("", *(f"N = {run['load']['n']}" for run in runs))
    for title, value in ROWS:
        table.add_row(title, *(value(run) for run in runs))
    console.print(table)


def write(file: Path, document: Figures) -> None:
    """All figures, whole or not at all."""
    file.parent.mkdir(exist_ok=True)
    temporary = file.with_suffix(".new")
    temporary.write_text(json.dumps(document, indent=2) + "\n")
    temporary.replace(file)
