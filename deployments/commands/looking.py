"""Commands that print what a cluster needs and say whether all is there."""

from __future__ import annotations

import asyncio
import sys

import yaml
from rich.markup import escape

from deployments.commands.terminal import Home, app, leave, out, settings_with
from deployments.tools import doctor
from sluice.manifests import crd

MARKS = {True: "[green]ok[/]", False: "[red]no[/]", None: "- "}


@app.command
def crds() -> None:
    """Print the custom resource definitions of sluice, for `kubectl apply -f -`."""
    sys.stdout.write(yaml.safe_dump_all(crd.crds(), sort_keys=False))


@app.command(name="doctor")
def doctor_command(*, home: Home = None) -> None:
    """Say of each thing that sluice needs whether it answers, and what to do where it does not (exit code 1)."""
    findings = asyncio.run(doctor.examined(settings_with(home)))
    for one in findings:
        out.print(f"{MARKS[one.well]} [bold]{escape(one.about)}[/]: {escape(one.said)}", soft_wrap=True)
    leave(int(any(one.well is False for one in findings)))
