"""Counts sluice's requests to the API server, as the API server counts them: by kind and verb, watches once each."""

from __future__ import annotations

import re

from lab.api.client import Api

LINE = re.compile(r'^apiserver_flowcontrol_dispatched_requests_total\{[^}]*flow_schema="([^"]+)"[^}]*\} (\S+)$')


def parse(text: str, prefix: str) -> dict[str, int]:
    """The counts of the flow schemas whose names begin with the prefix, by what follows it."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        if (match := LINE.match(line)) and match[1].startswith(prefix):
            name = match[1].removeprefix(prefix).lstrip("-").replace("-", " ")
            found[name] = found.get(name, 0) + round(float(match[2]))
    return found


async def counted(api: Api, prefix: str) -> dict[str, int]:
    """Requests so far."""
    return parse(await api.text("GET", "/metrics"), prefix)


def since(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """What came between two counts, the most frequent first."""
    gone = {name: count - before.get(name, 0) for name, count in after.items()}
    return dict(sorted(((name, count) for name, count in gone.items() if count), key=lambda item: -item[1]))
