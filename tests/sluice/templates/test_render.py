"""Go's templates: each gives what Go itself made of it, and each that Go refuses is refused."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sluice.errors import InvalidError
from sluice.templates.errors import TemplateError
from sluice.templates.render import render
from tests.sluice.templates.cases import DATA, TEMPLATES

HERE = Path(__file__).parent
MADE: list[dict[str, Any]] = json.loads((HERE / "made_by_go.json").read_text())


@pytest.mark.parametrize("made", [pytest.param(one, id=str(index)) for index, one in enumerate(MADE)])
def test_a_template_gives_what_go_makes_of_it(made: dict[str, Any]) -> None:
    """White space, order, quotes, numbers, what is missing; the right values are Go's, of the same data."""
    data = DATA[made["data"]]
    if made["fails"]:
        with pytest.raises(TemplateError, match=r"."):
            render(made["template"], data)
    else:
        assert render(made["template"], data) == made["text"]


def test_each_template_was_given_to_go() -> None:
    """A case without a right value would be one that nobody checks."""
    assert [(one["data"], one["template"]) for one in MADE] == list(TEMPLATES)


@pytest.mark.lab
def test_go_still_says_so(tmp_path: Path) -> None:
    """The committed values are what Go's text/template and sprig make today."""
    asked = json.dumps([{"data": data, "template": template} for data, template in TEMPLATES])
    from lab.programs.toolchain import go_binary

    done = subprocess.run(
        [go_binary(), "run", "."], cwd=HERE / "go", input=asked, capture_output=True, text=True, timeout=600, check=True
    )
    assert json.loads(done.stdout) == MADE


@pytest.mark.parametrize(
    "template",
    [
        "{{ range 100000000 }}x{{ end }}",
        '{{ define "T" }}{{ template "T" }}{{ end }}{{ template "T" }}',
        '{{ repeat 1000000000 "x" }}',
        '{{ $x := repeat 1000000 "x" }}{{ $x }}{{ $x }}',
        "{{ until 1000000000 }}",
        "{{ if true }}" * 1000 + "{{ end }}" * 1000,
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    ],
    ids=["turns", "calls", "repeat", "text", "numbers", "blocks", "parentheses"],
)
def test_a_template_that_does_not_end_is_stopped(template: str) -> None:
    """A person who may write a manifest cannot hold a worker, nor fill its memory."""
    with pytest.raises(InvalidError):
        render(template, {})


def test_a_pattern_is_linear_in_its_text() -> None:
    """Patterns are RE2's, as Go's are."""
    assert render('{{ regexMatch "^(([a-z0-9])+.?)+-rc$" .t }}', {"t": "a" * 5000}) == "false"
