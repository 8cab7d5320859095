"""Commit messages: Flux's templates that people have, and a good message where a template cannot be rendered."""

from __future__ import annotations

import pytest

from sluice.images.message import Message, commit_message
from sluice.images.reference import ImageRef
from sluice.images.setters import Change, ObjectName

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
            "- apps/cart.yaml\n- apps/shop.yaml",
        ),
        ("a\n  {{- range .Changed.Changes }} {{ .NewValue }}\n  {{- end }}", "a shop:2 8"),
        ("{{ print .AutomationObject .Values.env }}", "team/autoprod"),
        ("{{ if .Values.env }}x{{ end }}", "x"),
        ("{{ .Values.missing }}", "<no value>"),
        ("{{ range .Changed.Objects }}x{{ end }}", "x"),
        ("a{{ print }}", "a"),
        ("{{ .AutomationObject | toString | upper }}", "TEAM/AUTO"),
    ],
)
def test_the_templates_in_the_wild_are_rendered(template: str, text: str) -> None:
    """White space as Go trims it; each change once."""
    assert render(template) == Message(text=text)


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ("{{ .Updated.Nothing }}", "can't evaluate field Nothing"),
        ("{{ range .Changed.Changes }}x", "unexpected end"),
        ("{{ .AutomationObject | unknown }}", "'unknown' not defined"),
        ("{{ .Changed.Changes.x }}", "can't evaluate field x"),
    ],
)
def test_a_template_that_cannot_be_rendered_does_not_stop_a_delivery(template: str, named: str) -> None:
    """The default message is used, and what was not understood is told."""
    made = render(template)
    assert made.text == "Deliver shop:2, 8"
    assert made.unsupported.startswith("spec.git.commit.messageTemplate: line 1: ")
    assert named in made.unsupported


def test_the_templates_of_fluxs_older_guides_are_rendered() -> None:
    """`.Updated` is what most templates in the wild were written for."""
    name = ObjectName(api_version="apps/v1", kind="Deployment", name="shop", namespace="team")
    changes = {"apps/shop.yaml": [Change(setter="team:shop", old="a/shop:1", new="a/shop:2", line=3, object=name)]}
    template = (
        "Automation name: {{ .AutomationObject }}\n\nFiles:\n"
        "{{ range $filename, $_ := .Updated.Files -}}\n- {{ $filename }}\n{{ end -}}\n\nObjects:\n"
        "{{ range $resource, $_ := .Updated.Objects -}}\n- {{ $resource.Kind }} {{ $resource.Name }}\n{{ end -}}\n\n"
        "Images:\n{{ range .Updated.Images -}}\n- {{.}}: {{ .Repository }} {{ .Identifier }} {{ .Registry }} {{ .Policy }}\n"
        "{{ end -}}"
    )
    images = {"team:shop": ImageRef(name="a/shop", tag="2"), "team:other": ImageRef(name="other", tag="3")}
    made = commit_message(template, automation="team/auto", changes=changes, values={}, images=images)
    assert made == Message(
        text="Automation name: team/auto\n\nFiles:\n- apps/shop.yaml\nObjects:\n- Deployment shop\n"
        "Images:\n- a/shop:2: a/shop 2 index.docker.io team/shop"
    )
