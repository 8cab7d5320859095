"""Which flags came with a revision: what the Canary's field, annotations, and the trailers of commits name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.kill_switch import NamedFlag

ANNOTATION = "sluice.dev/flags"
"""On the Canary, its target, or the target's pods: keys of flags that came with the revision, divided by commas."""
MOST = 50
"""Flags of one release: a list of more is no list of what one revision brought."""
_TRAILER = re.compile(r"^flag\s*:\s*(.+?)\s*$", re.IGNORECASE)
_KEY = re.compile(r"[^\s,]{1,200}")


def keys_in(text: str) -> tuple[str, ...]:
    """Keys in a list that is divided by commas, spaces or lines."""
    return tuple(dict.fromkeys(_KEY.findall(text)))


def annotated(annotations: Mapping[str, str], by: str) -> tuple[NamedFlag, ...]:
    """The flags that an object's annotation names."""
    return tuple(NamedFlag(key=key, by=by) for key in keys_in(annotations.get(ANNOTATION, "")))


def trailers_of(commits: Iterable[tuple[str, str]]) -> tuple[NamedFlag, ...]:
    """The flags that the `Flag:` trailers of commits name.

    Args:
        commits: id and whole message of each. A trailer is a line of the message's last paragraph, as git means it.
    """
    found: dict[str, NamedFlag] = {}
    for commit, message in commits:
        paragraphs = re.split(r"\n[ \t]*\n", message.replace("\r\n", "\n").strip())
        if len(paragraphs) < 2:
            continue  # a subject alone has no trailers
        for line in paragraphs[-1].splitlines():
            trailer = _TRAILER.match(line)
            for key in keys_in(trailer[1]) if trailer else ():
                found.setdefault(key, NamedFlag(key=key, by=f"commit {commit[:12]}"))
    return tuple(found.values())


def named(canary: Canary) -> tuple[NamedFlag, ...]:
    """All flags that came with the revision under way, each once, with what names it."""
    analysis = canary.spec.analysis
    switch = analysis.kill_switch if analysis else None
    if switch is None:
        return ()
    journal = canary.status.flags.of(canary.status.last_applied_spec)
    every = (
        *(NamedFlag(key=key, by="killSwitch.flags") for key in switch.flags),
        *annotated(canary.metadata.annotations, f"{Canary.kind} {canary.name}"),
        *journal.named,
    )
    return tuple({one.key: one for one in reversed(every)}.values())[::-1][:MOST]
