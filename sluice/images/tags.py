"""Which tags of a repository count, and what of a tag is compared.

Patterns are Go's regular expressions, as in Flux.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
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
    found: dict[str, str] = {}
    for tag in sorted(tags):
        match = pattern.search(tag)
        if match:
            found[_expand(match, rule.extract) if rule.extract else tag] = tag
    return found


def _expand(match: Any, template: str) -> str:
    """Go's Regexp.Expand: `$name` takes the longest name, an unknown group is empty, `$$` is a dollar sign."""

    def group(reference: re.Match[str]) -> str:
        if reference[1]:
            return "$"
        name = reference[2] or reference[3]
        if name.isdigit():
            return match.group(int(name)) or "" if int(name) <= match.re.groups else ""
        return match.group(name) or "" if name in match.re.groupindex else ""

    return _EXPANSION.sub(group, template)
