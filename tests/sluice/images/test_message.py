"""Commit messages: Flux's templates that people have, and a good message where a template cannot be rendered."""

from __future__ import annotations

import pytest

from sluice.images.message import Message, commit_message
from sluice.images.setters import Change

ONE = Change(setter="team:shop", old="shop:1", new="shop:2", line=3)
TWO = Change(setter="team:cart:tag", old="7", new="8", line=9)


def render(template: str) -> Message:
    changes = {"apps/shop.yaml": [ONE, ONE], "apps/cart.yaml": [TWO]}
    return commit_message(template, automation="team/auto", changes=changes, values={"env": "prod"})


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", "Deliver shop:2, 8"),
        ("   \n", "Deliver shop:2, 8"),
        ("Images of {{ .AutomationObject }} to {{.Values.env}}", "Images of team/auto to prod"),
        ("{{range .Changed.Changes}}{{println .NewValue}}{{end}}", "shop:2\n8"),
        ("{{ range .Changed.Changes }}{{ print .OldValue }} -> {{ .NewValue }};{{ end }}", "shop:1 -> shop:2;7 -> 8;"),
        ("{{ range $_, $change := .Changed.Changes }}{{ $change.Setter }} {{ end }}!", "team:shop team:cart:tag !"),
        (
            "{{ range $file, $_ := .Changed.FileChanges -}}\n- {{ $file }}\n{{ end }}",
            "- apps/shop.yaml\n- apps/cart.yaml",
        ),
        ("a\n  {{- range .Changed.Changes }} {{ .NewValue }}\n  {{- end }}", "a shop:2 8"),
        ("{{ print .AutomationObject .Values.env }}", "team/autoprod"),
    ],
)
def test_the_templates_in_the_wild_are_rendered(template: str, text: str) -> None:
    """White space as Go trims it; each change once."""
    assert render(template) == Message(text=text)


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ("{{ .Updated.Files }}", ".Updated.Files"),
        ("{{ if .Values.env }}x{{ end }}", "if .Values.env"),
        ("{{ .Values.missing }}", ".Values.missing"),
        ("{{ range .Changed.Changes }}x", "a range without an end"),
        ("{{ range .Changed.Objects }}x{{ end }}", "range .Changed.Objects"),
        ("{{ print }}", "print"),
        ("{{ .AutomationObject | upper }}", ".AutomationObject | upper"),
    ],
)
def test_a_template_that_cannot_be_rendered_does_not_stop_a_delivery(template: str, named: str) -> None:
    """The default message is used, and what was not understood is told."""
    assert render(template) == Message(text="Deliver shop:2, 8", unsupported=named)
