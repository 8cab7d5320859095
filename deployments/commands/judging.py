"""Commands that judge past releases once more."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.markup import escape

from deployments import runtime
from deployments.commands.terminal import Home, app, out, settings_with
from deployments.tools import replay, tune
from sluice.charts.tuning import tuning_chart
from sluice.replay.judges import Asked, judge_of, judges_of
from sluice.replay.tuning import tried

Several = Parameter(negative=())


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
