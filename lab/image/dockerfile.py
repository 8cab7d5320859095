"""Reads a Dockerfile: its stages, each with its instructions. What the lab cannot do is an error, never left out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import LabError

KNOWN = ("FROM", "ARG", "RUN", "COPY", "ENV", "WORKDIR", "USER", "EXPOSE", "ENTRYPOINT", "CMD")


@dataclass(frozen=True)
class Instruction:
    """One line: its verb, and the rest of it."""

    verb: str
    rest: str


@dataclass
class Stage:
    """One stage; `origin` is an image or the name of an earlier stage."""

    origin: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)


def stages(file: Path) -> list[Stage]:
    """The stages in their order, with the arguments put in.

    Raises:
        LabError: there is an instruction that the lab does not know.
    """
    found: list[Stage] = []
    arguments: dict[str, str] = {}
    for line in re.sub(r"\\\n", "", file.read_text()).splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        verb, _, rest = line.strip().partition(" ")
        if verb not in KNOWN:
            raise LabError(f"{file.name}: the lab does not know {verb}; lab/image/dockerfile.py lists what it knows")
        if verb == "ARG":
            name, _, value = rest.partition("=")
            arguments[name] = value
            continue
        rest = re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], rest)
        if verb == "FROM":
            origin, _, name = rest.partition(" AS ")
            found.append(Stage(origin, name))
        else:
            found[-1].instructions.append(Instruction(verb, rest))
    return found
