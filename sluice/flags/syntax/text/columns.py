"""Columns of gofmt: where a row of constants went, those that stay are aligned as gofmt aligns them."""

from __future__ import annotations

import re
from dataclasses import dataclass

ROW = re.compile(
    r"(?P<indent>\t+)(?P<name>\w+)(?P<gap> +)(?:(?P<type>[\w.*\[\]]+)(?P<gap2> +))?= (?P<value>.*?)(?P<gap3> +(?=//))?"
    r"(?P<comment>//.*)?(?P<end>\r?\n)"
)


@dataclass(frozen=True)
class _Run:
    """Rows that follow each other."""

    start: int
    rows: tuple[re.Match[str], ...]

    @property
    def names(self) -> frozenset[str]:
        """The constants of it."""
        return frozenset(row["name"] for row in self.rows)

    @property
    def text(self) -> str:
        """The rows as they are."""
        return "".join(row[0] for row in self.rows)


def realigned(before: str, after: str) -> str:
    """The text with its groups of constants aligned, where they lost rows and were aligned before."""
    old = _runs(before)
    for run in reversed(_runs(after)):
        former = next((one for one in old if run.names < one.names), None)
        if former is not None and _aligned(former.rows) == former.text and (text := _aligned(run.rows)) is not None:
            after = after[: run.start] + text + after[run.start + len(run.text) :]
    return after


def _runs(text: str) -> list[_Run]:
    found: list[_Run] = []
    rows: list[re.Match[str]] = []
    start = offset = 0
    for line in [*text.splitlines(keepends=True), ""]:
        row = ROW.fullmatch(line)
        if row is not None and (not rows or rows[0]["indent"] == row["indent"]):
            start = offset if not rows else start
            rows.append(row)
        elif rows:
            found.append(_Run(start, tuple(rows)))
            rows = []
        offset += len(line)
    return found


def _aligned(rows: tuple[re.Match[str], ...]) -> str | None:
    """The rows as gofmt writes them; None where some have a type and some have none."""
    typed = {row["type"] is not None for row in rows}
    if len(typed) != 1:
        return None
    names = max(len(row["name"]) for row in rows)
    types = max(len(row["type"] or "") for row in rows)
    heads = []
    for row in rows:
        kind = f"{row['type']:<{types}} " if row["type"] else ""
        heads.append(f"{row['indent']}{row['name']:<{names}} {kind}= {row['value']}")
    out = []
    for number, row in enumerate(rows):
        comment = ""
        if row["comment"]:
            comment = " " * (_width(heads, rows, number) - len(heads[number]) + 1) + row["comment"]
        out.append(heads[number] + comment + row["end"])
    return "".join(out)


def _width(heads: list[str], rows: tuple[re.Match[str], ...], number: int) -> int:
    """How wide the rows with a comment around this one are."""
    first = last = number
    while first > 0 and rows[first - 1]["comment"]:
        first -= 1
    while last + 1 < len(rows) and rows[last + 1]["comment"]:
        last += 1
    return max(len(head) for head in heads[first : last + 1])
