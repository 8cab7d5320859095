"""Writes chosen images into the places of a YAML file that are marked for them, and touches nothing else.

The marks are Flux's: a comment `# {"$imagepolicy": "namespace:policy"}` behind a value stands for the whole image, with
`:name`, `:tag` or `:digest` for one part of it. The parser only tells where the marked values are; the new text is
spliced into the old at those places, so all other bytes (comments, quotes, line ends, indentation) stay as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.tokens import ScalarToken

from sluice.errors import InvalidError
from sluice.images.quarantine import KeptOut, reference
from sluice.images.reference import ImageRef

MARK = '"$imagepolicy"'
"""A file without this text has nothing to edit."""
_COMMENT = re.compile(r"[ \t]*(?:,[ \t]*)?#[ \t]*(\{[^\r\n]*\})[ \t]*(?=\r|\n|$)")
"""Behind a value; in flow style a comma may stand between the two."""
_BLOCK = re.compile(r"[|>][-+0-9]*")
_PARTS = ("name", "tag", "digest")
_WORD = re.compile(r"[A-Za-z][\w./@:+-]*(?<!:)|\d+(?:\.\d+){2,}[\w.@+-]*|[\w.-]+(?::\d+)?/[\w./@:+-]*(?<!:)", re.ASCII)
"""What every reader takes for a text: it begins with a letter, or has three numbers at least, or is a path."""
_RESERVED = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
"""What some reader takes for something else, whatever its case."""


class ObjectName(BaseModel):
    """Which object of a file a value belongs to. What the file does not say is empty."""

    model_config = ConfigDict(frozen=True)
    api_version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""


class Change(BaseModel):
    """One value that was replaced."""

    model_config = ConfigDict(frozen=True)
    setter: str
    """The mark: `namespace:policy` or `namespace:policy:part`."""
    old: str
    new: str
    line: int
    """Counted from 1."""
    object: ObjectName = ObjectName()
    """What it belongs to."""


class Edited(BaseModel):
    """A file after the edit."""

    model_config = ConfigDict(frozen=True)
    text: str
    changes: tuple[Change, ...]


def write_images(
    text: str, images: Mapping[str, ImageRef], held: Mapping[str, Collection[KeptOut]] | None = None
) -> Edited:
    """Put images at their marks.

    Args:
        text: a YAML file, read without any translation of line ends.
        images: `namespace:policy` → the image it chose. Marks of other policies are left alone.
        held: `namespace:policy` → versions that were rolled back, for a policy that went back: where git says another
            version than one of these, a person has moved on, and it stays.

    Returns:
        the new text and what was changed; values that are right already are no change.

    Raises:
        InvalidError: the file has a mark but is not YAML, or a mark stands where no value can be replaced.
    """
    if MARK not in text:
        return Edited(text=text, changes=())
    pieces: list[str] = []
    changes: list[Change] = []
    done = 0
    for token, setter in _marked(text):
        new = _wanted(setter, images)
        if new is None or (new == token.value and (token.style or _plain_safe(new))):
            continue
        if not _may_replace(token.value, setter, held or {}):
            continue
        line = token.start_mark.line + 1
        if token.style in ("|", ">"):
            raise InvalidError(f"line {line}: {setter} marks a block of text; write the image on one line")
        pieces += [text[done : token.start_mark.index], _scalar(new, token.style)]
        done = token.end_mark.index
        changes.append(Change(setter=setter, old=token.value, new=new, line=line))
    pieces.append(text[done:])
    names = _objects(text) if changes else []
    return Edited(
        text="".join(pieces),
        changes=tuple(one.model_copy(update={"object": _object_at(one.line, names)}) for one in changes),
    )


def _objects(text: str) -> list[tuple[int, ObjectName]]:
    """The last line of each document, and what is in it. None where another reader of YAML cannot read the file."""
    found = []
    try:
        for root in yaml.compose_all(text, Loader=yaml.SafeLoader):
            top = _scalars(root)
            meta = next((value for key, value in _pairs(root) if key == "metadata"), None)
            about = _scalars(meta)
            named = ObjectName(
                api_version=top.get("apiVersion", ""),
                kind=top.get("kind", ""),
                name=about.get("name", ""),
                namespace=about.get("namespace", ""),
            )
            found.append((root.end_mark.line + 1, named))
    except yaml.YAMLError:
        return []
    return found


def _object_at(line: int, objects: list[tuple[int, ObjectName]]) -> ObjectName:
    return next((name for end, name in objects if line <= end), ObjectName())


def _pairs(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, yaml.MappingNode):
        yield from ((key.value, value) for key, value in node.value if isinstance(key, yaml.ScalarNode))


def _scalars(node: Any) -> dict[str, str]:
    return {key: value.value for key, value in _pairs(node) if isinstance(value, yaml.ScalarNode)}


def _marked(text: str) -> Iterator[tuple[Any, str]]:
    """The scalars that a mark follows on the same line."""
    try:
        for token in YAML(typ="safe", pure=True).scan(text):
            if isinstance(token, ScalarToken):
                # A block of text ends lines below: only what stands behind its `|` or `>` is on its line.
                head = _BLOCK.match(text, token.start_mark.index) if token.style in ("|", ">") else None
                comment = _COMMENT.match(text, head.end() if head else token.end_mark.index)
                setter = _setter(comment[1]) if comment else None
                if setter:
                    yield token, setter
    except YAMLError as error:
        raise InvalidError(f"not a YAML file: {' '.join(str(error).split())}") from error


def _setter(comment: str) -> str | None:
    try:
        found = json.loads(comment)
    except ValueError:
        return None
    setter = found.get("$imagepolicy") if isinstance(found, dict) else None
    return setter if isinstance(setter, str) else None


def _wanted(setter: str, images: Mapping[str, ImageRef]) -> str | None:
    """The text for a mark; None where the mark is not ours or there is nothing to write."""
    policy, part = policy_and_part(setter)
    image = images.get(policy)
    if image is None or (part and part not in _PARTS):
        return None
    return str(image) if not part else (getattr(image, part) or None)


def policy_and_part(setter: str) -> tuple[str, str]:
    """`namespace:policy` of a mark, and which part of the image it stands for; empty for all of it."""
    if setter.count(":") != 2:
        return setter, ""
    policy, _, part = setter.rpartition(":")
    return policy, part


def _may_replace(value: str, setter: str, held: Mapping[str, Collection[KeptOut]]) -> bool:
    policy, part = policy_and_part(setter)
    if policy not in held:
        return True
    if part:
        return any(value == getattr(one.image, part) for one in held[policy])
    there = reference(value)
    return there is not None and any(one.is_(there) for one in held[policy])


def _scalar(value: str, style: str | None) -> str:
    """The value as YAML in the style that it had, quoted where it would be read as something else (`1.10`)."""
    if style == "'":
        return "'" + value.replace("'", "''") + "'"
    if style == '"' or not _plain_safe(value):
        return json.dumps(value, ensure_ascii=False)
    return value


def _plain_safe(value: str) -> bool:
    """Whether readers of YAML 1.1 and of YAML 1.2 see this text without quotes: `553640e6` is a number for one of them."""
    if not _WORD.fullmatch(value) or value.lower() in _RESERVED:
        return False
    try:
        return bool(yaml.safe_load(f"[{value}]") == [value])
    except yaml.YAMLError:
        return False
