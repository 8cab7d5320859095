"""The process that reads others' code: one request as JSON on its standard input, one answer on its standard output.

Started by `blocks.code.reading` as a program of its own, with nothing in its environment. What a text does to a parser ends
this process and nothing else.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sluice.flags.calls import Argument, FlagCall
from sluice.flags.languages.table import LANGUAGES

MOST_MEMORY = 1 << 30
"""Bytes of address space that a text may make a parser take."""
DEEPEST = 20_000
"""Calls inside each other: nested brackets are how a text makes a parser recurse."""
Json = dict[str, Any]


def call_of(given: Json) -> FlagCall:
    """A call as it was sent."""
    arguments = {name: Argument(**given[name]) if given[name] else None for name in ("key", "default")}
    return FlagCall(**{**given, **arguments, "languages": frozenset(given["languages"])})


def sent(call: FlagCall) -> Json:
    """A call as it is sent."""
    return {**asdict(call), "languages": sorted(call.languages)}


def references(files: Mapping[str, Mapping[str, str]], calls: tuple[FlagCall, ...]) -> dict[str, list[Json]]:
    """All references of a repository, by language.

    Args:
        files: the texts by language and path.
        calls: by which flags are asked for.
    """
    return {name: [asdict(one) for one in LANGUAGES[name].references(texts, calls)] for name, texts in files.items()}


def removals(
    files: Mapping[str, Mapping[str, str]], calls: tuple[FlagCall, ...], wanted: list[tuple[str, str]]
) -> list[list[Json]]:
    """For each wanted flag and value the removals of all languages. A language that fails has its reason as what is left."""
    return [[_removal(name, texts, flag, value, calls) for name, texts in files.items()] for flag, value in wanted]


def _removal(name: str, texts: Mapping[str, str], flag: str, value: str, calls: tuple[FlagCall, ...]) -> Json:
    made = LANGUAGES[name].remove(texts, flag, value, calls)
    return {
        "texts": {path: text for path, text in made.texts.items() if text != texts.get(path)},
        "removed": [asdict(one) for one in made.removed],
        "left": [asdict(one) for one in made.left],
    }


def main() -> None:
    """Answer the one request."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.setrecursionlimit(DEEPEST)
    asked: Json = json.load(sys.stdin)
    calls = tuple(call_of(one) for one in asked["calls"])
    if asked["act"] == "references":
        answer: Any = references(asked["files"], calls)
    else:
        answer = removals(asked["files"], calls, [(flag, value) for flag, value in asked["wanted"]])
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
