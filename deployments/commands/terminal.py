"""What all commands share: the application that they are commands of, settings, and how lines are printed."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

from cyclopts import App, Parameter
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deployments.environment import unknown_settings
from deployments.settings import Settings

app = App(name="sluice", help="Continuous delivery for Kubernetes, run as Prefect flows.")
out = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

Home = Annotated[Path | None, Parameter(help="Folder for all that sluice keeps here (SLUICE_HOME, default .sluice).")]


def settings_with(home: Path | None) -> Settings:
    """The settings of the environment, with what the command line says instead. Variables that fit none are named."""
    if warning := unknown_settings(Settings, os.environ):
        errors.print(f"[yellow]settings[/] {escape(warning)}", soft_wrap=True)
    return Settings(home=home) if home else Settings()


def table(head: tuple[str, ...], lines: list[tuple[str, ...]]) -> None:
    """Print lines below a head."""
    shown = Table(*head, box=box.SIMPLE_HEAD, pad_edge=False)
    for line in lines:
        shown.add_row(*(escape(cell) for cell in line))
    # What reads it is often no terminal: then no line is folded.
    out.print(shown, soft_wrap=not out.is_terminal, width=None if out.is_terminal else 400)


def leave(code: int) -> NoReturn:
    """End the process now. Everything has been stopped in order by then; what is left are threads of Prefect's that
    would hold the exit for minutes while the API is away."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
