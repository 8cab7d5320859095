"""Which tags of a repository count, and what of a tag is compared.

Patterns are written for Go's regular expressions; the part that they share with Python's is what works here, and what
Python would silently read otherwise is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sluice.errors import InvalidError
from sluice.manifests.flux.image_policy import TagFilter

_GO_NAMED_GROUP = re.compile(r"\(\?<(?=[A-Za-z_])")
_EXPANSION = re.compile(r"\$(?:(\$)|([A-Za-z0-9_]+)|\{([A-Za-z0-9_]+)\})")


def compile_pattern(pattern: str, field: str) -> re.Pattern[str]:
    """A Go regular expression as Python's.

    Args:
        pattern: as in the manifest.
        field: the manifest's field, for the error.

    Raises:
        InvalidError: the pattern is wrong or uses what only Go understands.
    """
    if "[[:" in pattern or r"\p{" in pattern or r"\z" in pattern:
        raise InvalidError(f"{field} {pattern!r}: no POSIX or Unicode classes and no \\z here: write [a-z] or $")
    try:
        return re.compile(_GO_NAMED_GROUP.sub("(?P<", pattern))
    except re.error as error:
        raise InvalidError(f"{field} {pattern!r} is not a regular expression: {error}") from error


def visible(tags: Iterable[str], exclusions: Iterable[str]) -> tuple[str, ...]:
    """The tags that no exclusion matches, sorted, each once.

    Raises:
        InvalidError: an exclusion is not a regular expression.
    """
    patterns = [compile_pattern(text, "spec.exclusionList") for text in exclusions]
    return tuple(tag for tag in sorted(set(tags)) if not any(pattern.search(tag) for pattern in patterns))


def compared(tags: Iterable[str], rule: TagFilter | None) -> dict[str, str]:
    """What is compared → the tag it stands for, for all tags that count.

    Where two tags give the same text, the one later in the alphabet stands for it.

    Raises:
        InvalidError: the filter's pattern is not a regular expression.
    """
    if rule is None:
        return {tag: tag for tag in sorted(tags)}
    pattern = compile_pattern(rule.pattern, "spec.filterTags.pattern")
    found: dict[str, str] = {}
    for tag in sorted(tags):
        match = pattern.search(tag)
        if match:
            found[_expand(match, rule.extract) if rule.extract else tag] = tag
    return found


def _expand(match: re.Match[str], template: str) -> str:
    """Go's Regexp.Expand: `$name` takes the longest name, an unknown group is empty, `$$` is a dollar sign."""

    def group(reference: re.Match[str]) -> str:
        if reference[1]:
            return "$"
        name = reference[2] or reference[3]
        try:
            return match[int(name) if name.isdigit() else name] or ""
        except IndexError:
            return ""

    return _EXPANSION.sub(group, template)
