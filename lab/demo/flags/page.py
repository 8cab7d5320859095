"""The chapter on the demo's page: a line for what became of each flag, and a table of when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

Result = Mapping[str, Any]


def show_flags(flags: Result, console: Console) -> None:
    """What became of both flags; why there is nothing to say where the chapter was left out."""
    if flags.get("skipped"):
        console.print(f"feature flags: left out, {flags['skipped']}")
    table = Table(title="Two feature flags", title_justify="left")
    for column in ("flag", "what became of it", "s"):
        table.add_column(column, justify="right" if column == "s" else "left")
    for name, rows in (("killed", _killed), ("removed", _removed)):
        if flags.get(name):
            for row in rows(flags[name]):
                table.add_row(*row)
    if table.rows:
        console.print(table)
    if killed := flags.get("killed"):
        console.print(Text(f"{killed['flag']} went off because: {killed['why_off']}"), soft_wrap=True)
    if removed := flags.get("removed"):
        console.print(Text(f"{removed['pull_request']}: {removed['title']}"), soft_wrap=True)


def said_of_killed(done: Result) -> list[str]:
    """The story of the flag that was switched off, a line each."""
    end = f"{done['verdict'].replace('_', ' ')} after {done['push_to_end_s']:.1f} s: {done['reason']}"
    if done["verdict_to_off_s"] is None:
        return ["the flag was not switched off", end]
    last, failed = (
        _seconds(done["off_to_last_error_s"]),
        f"{done['failed_requests']} of {done['requests']} requests failed",
    )
    return [
        f"the judge said bad, and {done['flag']} was off {done['verdict_to_off_s']:.2f} s later",
        f"users' last error came {last} s after that; {failed}",
        end,
    ]


def said_of_removed(done: Result) -> str:
    """The story of the flag that left the code."""
    fate = "archived in the flag service" if done["archived"] else "not archived in the flag service"
    return (
        f"the pull request took {done['lines_removed']} lines out of {', '.join(done['files'])}; a person merged it, "
        f"it was deployed {done['merge_to_deployed_s']:.1f} s later, and {done['flag']} was {fate} "
        f"{done['merge_to_archived_s']:.1f} s after the merge"
    )


def _killed(done: Result) -> list[tuple[str, str, str]]:
    failed = f"{done['failed_requests']} of {done['requests']} requests failed"
    return [
        (
            done["flag"],
            "the judge's verdict on its release → off at the flag service",
            _seconds(done["verdict_to_off_s"]),
        ),
        ("", f"off → the last error of a user ({failed})", _seconds(done["off_to_last_error_s"])),
        (
            "",
            f"push of {done['image']} → {done['verdict'].replace('_', ' ')}, with the flag off",
            _seconds(done["push_to_end_s"]),
        ),
    ]


def _removed(done: Result) -> list[tuple[str, str, str]]:
    files = ", ".join(done["files"])
    lines = f"{done['lines_removed']} lines removed, {done['lines_added']} added in {files}"
    return [
        (done["flag"], f"an audit's pull request ({lines}) merged → deployed", _seconds(done["merge_to_deployed_s"])),
        ("", "merged → archived in the flag service, by the next audit", _seconds(done["merge_to_archived_s"])),
    ]


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.2f}"
