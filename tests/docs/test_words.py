"""One word for one thing: the words that this code once used for everything stay rare, and docstrings begin with a noun."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("sluice", "blocks", "tasks", "flows", "deployments", "lab", "bench", "docs", "examples")
RARE = re.compile(r"\b(told|whoever|taken back|beside)\b", re.IGNORECASE)
MOST = 40
"""Of all four together; docs/glossary.md has what is said instead."""


def texts() -> Iterator[tuple[Path, str]]:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"]
    for folder in PLACES:
        pages += [file for kind in ("*.py", "*.md") for file in (ROOT / folder).rglob(kind)]
    yield from ((page, page.read_text()) for page in pages)


def test_words_that_stood_for_everything_are_rare() -> None:
    """Each of them had five meanings; where one is used it is because nothing plainer says it."""
    used = [f"{page.relative_to(ROOT)}: {word}" for page, text in texts() for word in RARE.findall(text)]
    assert len(list(texts())) > 300
    assert len(used) <= MOST, used


def test_docstrings_begin_with_what_the_thing_is() -> None:
    """A reader who sees the first line alone, as in a list of tools, knows what it is about."""
    found = []
    for page, text in texts():
        if page.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                if getattr(node, "name", "") == "__init__":
                    continue  # its class says what the thing is
                first = (ast.get_docstring(node) or "").partition("\n")[0]
                if re.match(r"(Attributes|Args|Returns|Raises):|The same\b", first):
                    found.append(f"{page.relative_to(ROOT)}: {first}")
    assert found == []
