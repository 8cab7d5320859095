"""The message of a commit that delivers images, from the template of an ImageUpdateAutomation.

Flux renders Go templates with some seventy functions. What is rendered here is the part that messages in the wild use:
`.AutomationObject`, `.Values.x`, `range` over `.Changed.Changes` and `.Changed.FileChanges`, a change's `.OldValue`,
`.NewValue` and `.Setter`, `print`, `println`, and the trimming of `{{-` and `-}}`. Any other template is reported and
the default message is used: a delivery does not fail over its commit message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from sluice.images.setters import Change

_ACTION = re.compile(r"(?:(\s*)\{\{- |\{\{)\s*(.*?)\s*(?: -\}\}(\s*)|\}\})", re.DOTALL)
_RANGE = re.compile(r"range\s+(?:(?:\$\w+\s*,\s*)?(\$\w+)\s*:=\s*)?\.Changed\.Changes")
_FILES = re.compile(r"range\s+(\$\w+)\s*,\s*\$\w+\s*:=\s*\.Changed\.FileChanges")
_FIELDS = {"OldValue": "old", "NewValue": "new", "Setter": "setter"}


class Message(BaseModel):
    """A commit message.

    Attributes:
        text: never empty.
        unsupported: the part of the template that could not be rendered; empty where all went well.
    """

    model_config = ConfigDict(frozen=True)
    text: str
    unsupported: str = ""


class _Unsupported(Exception):  # noqa: N818 - never leaves this module
    pass


def commit_message(
    template: str, *, automation: str, changes: Mapping[str, Sequence[Change]], values: Mapping[str, str]
) -> Message:
    """Render the template.

    Args:
        template: `spec.git.commit.messageTemplate`; empty for the default message.
        automation: `namespace/name` of the automation.
        changes: path of each edited file → its changes.
        values: `spec.git.commit.messageTemplateValues`.
    """
    each = list({(one.old, one.new, one.setter): one for file in changes.values() for one in file}.values())
    default = "Deliver " + ", ".join(dict.fromkeys(change.new for change in each))
    if not template.strip():
        return Message(text=default)
    names = {".AutomationObject": automation} | {f".Values.{key}": value for key, value in values.items()}
    try:
        text = _block(_split(template), names, each, list(changes))
    except _Unsupported as error:
        return Message(text=default, unsupported=str(error))
    return Message(text=text.strip() or default)


def _split(template: str) -> list[tuple[bool, str]]:
    """The template as (is an action, text), with the white space gone that `{{-` and `-}}` trim."""
    parts: list[tuple[bool, str]] = []
    done = 0
    for match in _ACTION.finditer(template):
        parts += [(False, template[done : match.start()]), (True, match[2])]
        done = match.end()
    return [*parts, (False, template[done:])]


def _block(
    parts: list[tuple[bool, str]], names: Mapping[str, str], changes: Sequence[Change], files: Sequence[str]
) -> str:
    out: list[str] = []
    at = 0
    while at < len(parts):
        action, text = parts[at]
        at += 1
        if not action:
            out.append(text)
        elif text.startswith("range"):
            end = _end_of(parts, at)
            scopes = _scopes(text, changes, files)
            out += [_block(parts[at:end], {**names, **scope}, changes, files) for scope in scopes]
            at = end + 1
        else:
            out.append(_value(text, names))
    return "".join(out)


def _end_of(parts: list[tuple[bool, str]], start: int) -> int:
    depth = 1
    for index in range(start, len(parts)):
        action, text = parts[index]
        if action and re.match(r"(range|if|with)\b", text):
            depth += 1
        elif action and text == "end":
            depth -= 1
            if not depth:
                return index
    raise _Unsupported("a range without an end")


def _scopes(text: str, changes: Sequence[Change], files: Sequence[str]) -> list[dict[str, str]]:
    """The names inside a `range`, once for each turn."""
    over_files = _FILES.fullmatch(text)
    if over_files:
        return [{over_files[1]: path} for path in files]
    over_changes = _RANGE.fullmatch(text)
    if over_changes:
        variable = over_changes[1] or ""
        return [{f"{variable}.{go}": getattr(change, ours) for go, ours in _FIELDS.items()} for change in changes]
    raise _Unsupported(text)


def _value(text: str, names: Mapping[str, str]) -> str:
    words = text.split()
    function = words.pop(0) if words and words[0] in ("print", "println") else ""
    if not words or any(word not in names for word in words):
        raise _Unsupported(text)
    if not function and len(words) > 1:
        raise _Unsupported(text)
    if function == "println":
        return " ".join(names[word] for word in words) + "\n"
    # Go's print sets no space between strings.
    return "".join(names[word] for word in words)
