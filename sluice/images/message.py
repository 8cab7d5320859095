"""The message of a commit that delivers images, from the template of an ImageUpdateAutomation.

Templates are Go's, over the data that Flux gives: `.AutomationObject`, `.Changed` (its `FileChanges`, `Objects` and
`Changes`), `.Values`, and `.Updated` (`Files`, `Objects`, `Images`), which Flux had before and people's templates still
name. A template that cannot be rendered is reported, and the default message is used: a delivery does not fail over its
commit message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from sluice.images.reference import DOCKER_HUB, ImageRef, parse_repository
from sluice.images.setters import Change, ObjectName
from sluice.templates.errors import TemplateError
from sluice.templates.render import render
from sluice.templates.values import Struct, Texts


class Message(BaseModel):
    """A commit message.

    Attributes:
        text: never empty.
        unsupported: why the template could not be rendered; empty where all went well.
    """

    model_config = ConfigDict(frozen=True)
    text: str
    unsupported: str = ""


def commit_message(
    template: str,
    *,
    automation: str,
    changes: Mapping[str, Sequence[Change]],
    values: Mapping[str, str],
    images: Mapping[str, ImageRef] | None = None,
) -> Message:
    """Render the template.

    Args:
        template: `spec.git.commit.messageTemplate`; empty for the default message.
        automation: `namespace/name` of the automation.
        changes: path of each edited file → its changes.
        values: `spec.git.commit.messageTemplateValues`.
        images: `namespace:policy` → the image that was written.
    """
    default = "Deliver " + ", ".join(dict.fromkeys(change.new for change in _each(changes)))
    if not template.strip():
        return Message(text=default)
    try:
        text = render(template, message_data(automation, changes, values, images or {}))
    except TemplateError as error:
        return Message(text=default, unsupported=f"spec.git.commit.messageTemplate: {error}")
    return Message(text=text.strip() or default)


def message_data(
    automation: str,
    changes: Mapping[str, Sequence[Change]],
    values: Mapping[str, str],
    images: Mapping[str, ImageRef],
) -> Struct:
    """What a template is given."""
    namespace, _, name = automation.partition("/")
    fields = {
        "AutomationObject": Struct("types.NamespacedName", {"Namespace": namespace, "Name": name}, string=automation),
        "Changed": _changed(changes),
        "Values": Texts(values),
    }
    # A method, so that it is not printed: Flux's own data have it no more.
    return Struct("source.TemplateData", fields, {"Updated": lambda: _updated(changes, images)})


def _each(changes: Mapping[str, Sequence[Change]]) -> list[Change]:
    """Each change once, whatever files and lines it is in."""
    return list({(one.old, one.new, one.setter): one for file in changes.values() for one in file}.values())


def _changed(changes: Mapping[str, Sequence[Change]]) -> Struct:
    files = {path: _by_object(file) for path, file in changes.items() if file}
    methods = {
        "Changes": lambda: [_change(one) for one in _each(changes)],
        "Objects": lambda: _by_object([one for file in changes.values() for one in file]),
    }
    return Struct("update.Result", {"FileChanges": files}, methods)


def _by_object(changes: Sequence[Change]) -> dict[Struct, list[Struct]]:
    found: dict[Struct, list[Struct]] = {}
    for one in changes:
        found.setdefault(_identifier(one.object), []).append(_change(one))
    return found


def _change(one: Change) -> Struct:
    return Struct("update.Change", {"OldValue": one.old, "NewValue": one.new, "Setter": one.setter})


def _identifier(one: ObjectName) -> Struct:
    kind = Struct("yaml.TypeMeta", {"APIVersion": one.api_version, "Kind": one.kind})
    name = Struct("yaml.NameMeta", {"Name": one.name, "Namespace": one.namespace})
    both = Struct("yaml.ResourceIdentifier", {"TypeMeta": kind, "NameMeta": name}, embeds=("TypeMeta", "NameMeta"))
    return Struct("update.ObjectIdentifier", {"ResourceIdentifier": both}, embeds=("ResourceIdentifier",))


def _updated(changes: Mapping[str, Sequence[Change]], images: Mapping[str, ImageRef]) -> Struct:
    """What Flux's first API had of an update: which image each object got."""

    def of(found: Sequence[Change]) -> dict[Struct, list[Struct]]:
        objects: dict[Struct, list[Struct]] = {}
        for one in found:
            policy = ":".join(one.setter.split(":")[:2])
            if policy in images:
                image, there = _image(images[policy], policy), objects.setdefault(_identifier(one.object), [])
                there += [] if image in there else [image]
        return objects

    together = [one for file in changes.values() for one in file]
    files = {path: Struct("update.FileResult", {"Objects": of(file)}) for path, file in changes.items() if file}
    each = {str(image): image for found in of(together).values() for image in found}
    methods = {"Objects": lambda: of(together), "Images": lambda: list(each.values())}
    return Struct("update.Result", {"Files": files}, methods)


def _image(image: ImageRef, policy: str) -> Struct:
    where = parse_repository(image.name)
    registry = "index.docker.io" if where.registry == DOCKER_HUB else where.registry
    namespace, _, name = policy.partition(":")
    shown = Struct("types.NamespacedName", {"Namespace": namespace, "Name": name}, string=f"{namespace}/{name}")
    tag = image.digest or image.tag
    methods = {
        "String": lambda: str(image),
        "Identifier": lambda: tag,
        "Registry": lambda: registry,
        "Repository": lambda: where.path,
        "Name": lambda: f"{registry}/{where.path}{'@' if image.digest else ':'}{tag}",
        "Policy": lambda: shown,
    }
    return Struct("update.ImageRef", {"image": str(image), "policy": policy}, methods, string=str(image))
