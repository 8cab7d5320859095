"""Which tags of a repository count, and what of a tag is compared.

Patterns are Go's regular expressions, as in Flux.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from sluice.manifests.flux.image_policy import TagFilter
from sluice.patterns import compiled

_EXPANSION = re.compile(r"\$(?:(\$)|([A-Za-z0-9_]+)|\{([A-Za-z0-9_]+)\})")


def visible(tags: Iterable[str], exclusions: Iterable[str]) -> tuple[str, ...]:
    """The tags that no exclusion matches, sorted, each once.

    Raises:
        InvalidError: an exclusion is not a regular expression.
    """
    patterns = [compiled(text, "spec.exclusionList") for text in exclusions]
    return tuple(tag for tag in sorted(set(tags)) if not any(pattern.search(tag) for pattern in patterns))


def compared(tags: Iterable[str], rule: TagFilter | None) -> dict[str, str]:
    """What is compared → the tag it stands for, for all tags that count.

    Where two tags give the same text, the one later in the alphabet stands for it.

    Raises:
        InvalidError: the filter's pattern is not a regular expression.
    """
    if rule is None:
        return {tag: tag for tag in sorted(tags)}
    pattern = compiled(rule.pattern, "spec.filterTags.pattern")
    parts = _parts(rule.extract, pattern)
    found: dict[str, str] = {}
    for tag in sorted(tags):
        match = pattern.search(tag)
        if match:
            found["".join(one(match) for one in parts) if rule.extract else tag] = tag
    return found


def _parts(template: str, pattern: Any) -> list[Callable[[Any], str]]:
    """What Go's Regexp.Expand makes of a template, part by part: `$name` takes the longest name, an unknown group is empty,
    `$$` is a dollar sign."""
    parts: list[Callable[[Any], str]] = []
    at = 0
    for reference in _EXPANSION.finditer(template):
        parts += [_text(template[at : reference.start()]), _group(reference, pattern)]
        at = reference.end()
    return [*parts, _text(template[at:])]


def _group(reference: re.Match[str], pattern: Any) -> Callable[[Any], str]:
    if reference[1]:
        return _text("$")
    name = reference[2] or reference[3]
    group: int | str = int(name) if name.isdigit() else name
    known = group <= pattern.groups if isinstance(group, int) else group in pattern.groupindex
    return (lambda match: match.group(group) or "") if known else _text("")


def _text(text: str) -> Callable[[Any], str]:
    return lambda _match: text
