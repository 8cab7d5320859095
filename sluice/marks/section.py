"""The section of release notes that is sluice's: between two HTML comments, a line for each place that runs the version.

All else of the notes is people's, byte for byte. Several clusters write into one section, each its own lines.
"""

from __future__ import annotations

import re

BEGIN, END = "<!-- sluice: where this version runs -->", "<!-- sluice: end -->"
TITLE = "### Deployments"
MOST = 100
"""Lines of a section: the oldest give way."""
LONGEST_LINE = 400
_LINE = re.compile(r"^- (?P<text>.*?) <!-- (?P<key>[0-9a-z-]+) -->$")


def with_line(notes: str, key: str, text: str) -> str:
    """The notes with one line brought to its place; equal to what they were where it is there already.

    Args:
        notes: of the release, with a section or without.
        key: of the line: lower-case letters, digits and dashes.
        text: of it, Markdown; comments in it could end the section and are taken out.
    """
    line = f"- {_plain(text)} <!-- {key} -->"
    before, lines, after = _parts(notes)
    kept = [one for one in lines if _key(one) != key]
    place = next((number for number, one in enumerate(lines) if _key(one) == key), len(kept))
    lines = [*kept[:place], line, *kept[place:]]
    ending = "\r\n" if "\r\n" in notes else "\n"
    section = ending.join((BEGIN, TITLE, "", *lines[-MOST:], END))
    return f"{before}{section}{after}"


def _parts(notes: str) -> tuple[str, list[str], str]:
    """What is before the section, its lines, and what is after it; without a section it comes at the end."""
    start = notes.find(BEGIN)
    end = notes.find(END, start) if start >= 0 else -1
    if end < 0:
        # Also where somebody has taken one of the two comments away: what is between is theirs then.
        ending = "\r\n" if "\r\n" in notes else "\n"
        rest = notes.replace(BEGIN, "").replace(END, "")
        return (f"{rest.rstrip()}{ending}{ending}" if rest.strip() else ""), [], ""
    inside = notes[start + len(BEGIN) : end].splitlines()
    return notes[:start], [one for one in inside if _LINE.match(one)], notes[end + len(END) :]


def _key(line: str) -> str:
    found = _LINE.match(line)
    return found["key"] if found else ""


def _plain(text: str) -> str:
    line = " ".join(text.replace("<!--", "").replace("-->", "").split())
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…"
