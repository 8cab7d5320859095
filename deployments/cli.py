"""The command line. Exit codes: 0 done, 1 an error that the last line explains, 2 wrong usage or settings."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import yaml
from cyclopts import App, Parameter
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from deployments import runtime, up
from deployments.automations.register import Change, Did
from deployments.doors.serving import receive
from deployments.environment import unknown_settings
from deployments.home import check_home
from deployments.logs import plain_where_nobody_watches
from deployments.settings import Settings
from deployments.supervision import forever, stop_signal, until
from deployments.tools import doctor, replay, tune
from deployments.tools.alive import SignOfLife
from deployments.tools.descriptors import allow_descriptors
from sluice.charts.tuning import tuning_chart
from sluice.errors import SluiceError, TerminalError
from sluice.faults import plainly
from sluice.manifests import crd
from sluice.replay.judges import Asked, judge_of, judges_of
from sluice.replay.tuning import tried

app = App(name="sluice", help="Continuous delivery for Kubernetes, run as Prefect flows.")
out = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

Home = Annotated[Path | None, Parameter(help="Folder for all that sluice keeps here (SLUICE_HOME, default .sluice).")]
Several = Parameter(negative=())
MARKS = {True: "[green]ok[/]", False: "[red]no[/]", None: "- "}
SIGNS = {Did.CREATED: "[green]+[/]", Did.UPDATED: "[yellow]~[/]", Did.UNCHANGED: " "}


def settings_with(home: Path | None) -> Settings:
    """The settings of the environment, with what the command line says instead. Variables that fit none are named."""
    if warning := unknown_settings(Settings, os.environ):
        errors.print(f"[yellow]settings[/] {escape(warning)}", soft_wrap=True)
    return Settings(home=home) if home else Settings()


def ready(part: str, where: str) -> None:
    """One line for a part that is ready."""
    out.print(f"[bold]{part:<12}[/] {escape(where)}", soft_wrap=True)


@app.command(name="up")
def up_command(*, home: Home = None) -> None:
    """Run everything in one place: Prefect server, automations, worker, receiver, watcher. Ctrl-C ends it."""
    settings = settings_with(home)
    check_home(settings.home)
    asyncio.run(up.up(settings, ready))
    leave(0)


@app.command(name="register")
def register_command(*, dry_run: bool = False, home: Home = None) -> None:
    """Create or update work pool, deployments and automations in Prefect. Doing it twice changes nothing.

    Parameters
    ----------
    dry_run:
        Only show what would change.
    """
    settings = settings_with(home)

    async def run() -> list[Change]:
        with runtime.prefect_for(settings):
            return await runtime.register_all(settings, dry_run=dry_run)

    for change in asyncio.run(run()):
        did = f"would be {change.did}" if dry_run and change.did is not Did.UNCHANGED else str(change.did)
        out.print(f"{SIGNS[change.did]} {change.kind} [bold]{escape(change.name)}[/]: {did}", soft_wrap=True)
        for name, (there, wanted) in change.fields.items() if dry_run or change.did is Did.UPDATED else ():
            if there is not None:
                out.print(f"    [red]- {name}: {escape(repr(there))}[/]", soft_wrap=True)
            out.print(f"    [green]+ {name}: {escape(repr(wanted))}[/]", soft_wrap=True)


@app.command
def server(*, home: Home = None) -> None:
    """Run the Prefect server (API and UI), with sluice's deployments and automations in it."""
    _run_part(runtime.serve, settings_with(home), runtime.ui_url)


@app.command
def worker(*, home: Home = None) -> None:
    """Run one worker. Several of them, with different names, share the work."""
    _run_part(runtime.work, settings_with(home), lambda s: f"{s.worker_name}, pool {s.work_pool} at {s.api_url}")


@app.command
def receiver(*, home: Home = None) -> None:
    """Run the receiver of webhooks. It needs Prefect only: no cluster, no worker next to it."""
    _run_part(receive, settings_with(home), lambda s: f"http://{s.receiver_host}:{s.receiver_port}")


@app.command
def watcher(*, home: Home = None) -> None:
    """Run the watcher of Kubernetes objects."""
    _run_part(runtime.watch, settings_with(home), lambda s: f"{s.context or 'current context'} → {s.api_url}")


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


@app.command(name="replay")
def replay_command(
    release: str,
    *,
    begin: datetime | None = None,
    end: datetime | None = None,
    exported: Annotated[list[Path] | None, Parameter(name="--from", negative=())] = None,
    judge: str = "evidence",
    alpha: float | None = None,
    interleave: bool | None = None,
    interval: str = "",
    threshold: int | None = None,
    pass_score: float | None = None,
    marginal: float | None = None,
    outcome: str = "",
    save: Path | None = None,
    chart: Path | None = None,
    home: Home = None,
) -> None:
    """Judge a release once more by what the judge saw, and print the verdict wherever it changes.

    Parameters
    ----------
    release:
        NAME.NAMESPACE of a Canary, for its last release, a file that --save wrote, or with --from, or --begin and --end, a
        manifest.
    begin:
        Judge what Prometheus (SLUICE_METRICS_URL) has of a Canary's traffic from then to then, as if it had been one step.
        ISO 8601, such as 2026-03-14T11:00Z or 2026-03-14T12:00+01:00; without a zone it is UTC.
    end:
        Written like --begin, which it goes with.
    exported:
        Files exported from a Prometheus instead: JSON of /api/v1/query?query=NAME[1h], or what promtool tsdb
        dump-openmetrics wrote. Their first and last sample are --begin and --end where those are not given.
    judge:
        Which judge: evidence, threshold for Flagger's rule, or comparison for the score against a baseline.
    alpha:
        Evidence: judge with another bound on the chance that a good release is rolled back.
    interleave:
        Evidence: judge with or without `analysis.interleave`.
    interval:
        Threshold: time between two checks, such as 60s; the manifest's, or the ends of the steps, where not given.
    threshold:
        Threshold: failed checks that roll the release back; the manifest's where not given.
    pass_score:
        Comparison: score as in `analysis.comparison`. Where no baseline was recorded the primary stands in.
    marginal:
        Comparison: the other score of `analysis.comparison`.
    outcome:
        Say of a past release that it was promoted, or rolled back: `sluice tune` asks for that.
    save:
        File to keep the recording in.
    chart:
        File for the picture of weight and success rate, SVG.
    """
    apart = replay.seconds_of("--interval", interval) if interval else None
    chosen = judge_of(judge, Asked(alpha, interleave, apart, threshold, pass_score, marginal))
    settings = settings_with(home)
    with runtime.prefect_for(settings):
        found = replay.release_of(release, settings.metrics_url or "", begin, end, exported or ())
    found = replay.ended(found, outcome)
    said = list(chosen.judge(found.steps()))
    for line in replay.lines(found, said, chosen):
        out.print(escape(line), soft_wrap=True)
    if save:
        replay.write("--save", save, found.model_dump_json(indent=1) + "\n")
    if chart and said:
        replay.write("--chart", chart, replay.drawn(found, said, chosen))


@app.command(name="tune")
def tune_command(
    *files: Path,
    alpha: Annotated[list[float] | None, Several] = None,
    interleave: bool | None = None,
    interval: Annotated[list[str] | None, Several] = None,
    threshold: Annotated[list[int] | None, Several] = None,
    most: int = 200,
    chart: Path | None = None,
    home: Home = None,
) -> None:
    """Try judges on past releases: how many good ones each rolls back, and how soon it sees the bad ones.

    Parameters
    ----------
    files:
        Recordings that `sluice replay --save` wrote; without them the last `--most` that Prefect keeps.
    alpha:
        Evidence: error rates to try, each with its own --alpha.
    interleave:
        Evidence: only with, or only without `analysis.interleave`.
    interval:
        Flagger's rule: times between two checks to try, such as 60s.
    threshold:
        Flagger's rule: numbers of failed checks to try.
    most:
        Releases of Prefect's that are tried, the last ones.
    chart:
        File for the picture of false alarms against seconds, SVG.
    """
    tries = {
        "alpha": alpha or (),
        "interleave": () if interleave is None else (interleave,),
        "interval": [replay.seconds_of("--interval", one) for one in interval or ()],
        "threshold": threshold or (),
    }
    judges = list(judges_of(tries))
    with runtime.prefect_for(settings_with(home)):
        releases = tune.releases_of(files, most)
    rows = list(tried(releases, judges))
    for line in tune.tuned(rows):
        out.print(escape(line), soft_wrap=True)
    if chart:
        replay.write("--chart", chart, tuning_chart(rows))


Part = Callable[[Settings, runtime.Ready], Coroutine[Any, Any, None]]


def _run_part(part: Part, settings: Settings, where: Callable[[Settings], str]) -> None:
    check_home(settings.home)

    async def run() -> None:
        sign = SignOfLife(settings.home)

        def works() -> None:
            sign.ready()
            ready(part.__name__, where(settings))

        async def attempt() -> None:
            sign.starting()
            await part(settings, works)

        # Prefect or the API server may come later, and go for a while: that ends no part.
        with stop_signal() as stop, runtime.prefect_for(settings), sign:
            plain_where_nobody_watches()
            await until(stop, forever(f"the {part.__name__}", attempt, 1.0, fatal=(TerminalError,)))

    asyncio.run(run())
    leave(0)


def leave(code: int) -> NoReturn:
    """End the process now. Everything has been stopped in order by then; what is left are threads of Prefect's that
    would hold the exit for minutes while the API is away."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    """Run the command line; errors become one sentence and an exit code."""
    allow_descriptors()
    try:
        app(result_action="return_value")
    except ValidationError as error:
        for problem in error.errors():
            name = "SLUICE_" + "_".join(str(part) for part in problem["loc"]).upper()
            errors.print(f"[red]settings[/] {name}: {escape(plainly(problem['msg']))}", soft_wrap=True)
        sys.exit(2)
    except SluiceError as error:
        kind = "error" if isinstance(error, TerminalError) else "not now"
        errors.print(f"[red]{kind}[/] {escape(str(error))}", soft_wrap=True)
        leave(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
