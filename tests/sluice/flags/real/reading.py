"""What comes of flags in one code base: planted, removed with each value, and checked."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from sluice.flags.languages.table import LANGUAGES
from tests.sluice.flags.planting import Plant, planted
from tests.sluice.flags.real.bases import Base

OTHER = {"true": "false", "false": "true"}


@dataclass
class Reading:
    """The numbers.

    Attributes:
        plants: the flags.
        left: reasons of what stays, by what the flag was removed with ("kept": the value that gives the code back).
        unlike: files that did not come back byte for byte.
        said: what the code's own checks say that they did not say before: planted, and after each removal.
    """

    name: str
    lines: int
    plants: list[Plant] = field(default_factory=list)
    left: dict[str, list[str]] = field(default_factory=dict)
    unlike: list[str] = field(default_factory=list)
    said: dict[str, list[str]] = field(default_factory=dict)
    seconds: float = 0

    def __str__(self) -> str:
        """For people."""
        shapes = Counter(plant.shape.name for plant in self.plants)
        rows = [f"{self.name}: {self.lines} lines, {len(self.plants)} plants {dict(sorted(shapes.items()))}"]
        rows += [
            f"removed with the {value} value: {len(self.plants) - len(left)} whole, {len(left)} left {left[:10]}"
            for value, left in self.left.items()
        ]
        rows.append(f"files that are not byte for byte what they were: {len(self.unlike)} {self.unlike[:10]}")
        rows += [f"checks {when}: {new[:8] or 'as before'}" for when, new in self.said.items()]
        return "\n".join([*rows, f"removals took {self.seconds:.0f} s"])


def read(base: Base, folder: Path, number: int, seed: int = 7) -> Reading:
    """Plant, check, remove, check."""
    texts = base.texts()
    found = Reading(base.name, sum(text.count("\n") for text in texts.values()))
    able = {path: text for path, text in texts.items() if base.sources(path, text)}
    changed, found.plants = planted(able, base.shapes, base.imported, number, seed, base.whole)
    work = folder / "work"
    shutil.copytree(base.folder(), work, symlinks=True)
    first = base.checked(work)
    path, text = base.served(found.plants)
    (work / path).parent.mkdir(exist_ok=True)
    (work / path).write_text(text)
    _write(work, changed)
    found.said["with the plants"] = _new(first, base.checked(work))
    for value in ("kept", "other"):
        after = _removed(base, {**texts, **changed}, found, value)
        if value == "kept":
            found.unlike = [path for path in texts if after.get(path) != texts[path]]
        _write(work, {path: after[path] for path in changed})
        if value == "kept" or base.language != "python":  # with the other value Django does something else
            found.said[f"after the removals with the {value} value"] = _new(first, base.checked(work))
    return found


def _new(before: str, after: str) -> list[str]:
    known = before.splitlines()
    return [line for line in after.splitlines() if line not in known]


def _write(work: Path, texts: dict[str, str]) -> None:
    for path, text in texts.items():
        (work / path).write_bytes(text.encode())


def _removed(base: Base, texts: dict[str, str], found: Reading, value: str) -> dict[str, str]:
    now, begun = dict(texts), time.monotonic()
    left = found.left.setdefault(value, [])
    for plant in found.plants:
        wanted = plant.shape.value if value == "kept" else OTHER[plant.shape.value]
        removal = LANGUAGES[base.language].remove(now, plant.key, wanted, base.calls)
        now |= {path: text for path, text in removal.texts.items() if text is not None}
        if not removal.whole:
            left.append(f"{plant.shape.name} {removal.left[0]}")
    found.seconds += time.monotonic() - begun
    return now
