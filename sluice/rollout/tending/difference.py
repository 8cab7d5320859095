"""What an object lacks of what was written to it: fields that somebody changed or took away.

What others add next to it (a sidecar that a webhook injects, an annotation, a default of a newer API server) is no
difference: it was not ours, and an apply would not take it away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def lacks(wanted: Any, live: Any, path: str = "") -> Iterator[str]:
    """The paths at which `live` is not what `wanted` says, such as `spec.template.spec.containers[shop].image`.

    Lists whose items have names are compared by them, as the API server merges them; all others whole.
    """
    if wanted in (None, {}, []) and live in (None, {}, []):
        return
    if isinstance(wanted, dict) and isinstance(live, dict):
        for key, value in wanted.items():
            yield from lacks(value, live.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(wanted, list) and isinstance(live, list) and _named(wanted) and _named(live):
        known = {item["name"]: item for item in live}
        for item in wanted:
            yield from lacks(item, known.get(item["name"]), f"{path}[{item['name']}]")
    elif isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        for index, (ours, theirs) in enumerate(zip(wanted, live, strict=True)):
            yield from lacks(ours, theirs, f"{path}[{index}]")
    elif wanted != live:
        yield path


def _named(items: list[Any]) -> bool:
    names = [item.get("name") if isinstance(item, dict) else None for item in items]
    return all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
