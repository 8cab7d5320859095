"""Ranges of semantic versions as Flux's users write them.

The grammar is that of Masterminds/semver (v3), which Flux uses: comparators `= != > >= => < <= =< ~ ~> ^`, wildcards
`x X *`, hyphen ranges, a space or comma for "and", `||` for "or". npm's libraries differ where it matters: here a
prerelease is considered by all comparators of an "and" group as soon as one of them names a prerelease, so `>=1.0.0-0`
means all prereleases from there on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from semver import Version

from sluice.errors import InvalidError

_PART = r"(?:[0-9]+|[xX*])"
_VERSION = rf"v?{_PART}(?:\.{_PART})?(?:\.{_PART})?(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z.-]+)?"
_OPERATOR = r"=>|=<|!=|>=|<=|~>|=|>|<|~|\^|"
_COMPARATOR = re.compile(rf"\s*({_OPERATOR})\s*({_VERSION})\s*")
_HYPHEN = re.compile(rf"\s*({_VERSION})\s+-\s+({_VERSION})\s*")
_PARTS = re.compile(rf"v?({_PART})(?:\.({_PART}))?(?:\.({_PART}))?(?:-([0-9A-Za-z.-]+))?(?:\+.*)?")
_LONGEST = 512
_WILD = ("x", "X", "*", None)


@dataclass(frozen=True)
class Comparator:
    """One operator with one version that may be given in part.

    Attributes:
        operator: one of the operators of the grammar; empty for none.
        base: the version with what is left out taken as 0.
        precision: how many of major, minor and patch were given (0 to 3).
    """

    operator: str
    base: Version
    precision: int

    def allows(self, version: Version) -> bool:
        """Whether the version satisfies this comparator alone; prereleases are the group's business."""
        return _OPERATORS[self.operator](self, version)


@dataclass(frozen=True)
class Range:
    """A parsed range: any of its groups, all comparators of a group."""

    text: str
    groups: tuple[tuple[Comparator, ...], ...]

    def allows(self, version: Version) -> bool:
        """Whether the version lies in the range."""
        return any(_group_allows(group, version) for group in self.groups)


def parse_range(text: str, *, field: str = "range") -> Range:
    """Read a range.

    Args:
        text: such as `>=1.0.0 <2.0.0 || ^3.1`.
        field: what to call it in the error.

    Raises:
        InvalidError: the text is no range.
    """
    if len(text) > _LONGEST:
        raise InvalidError(f"{field} is longer than {_LONGEST} characters")
    return Range(text, tuple(_group(part, text, field) for part in text.split("||")))


def parse_version(text: str) -> Version | None:
    """The version that a tag names, strictly (three numbers), with or without a leading `v`; None for any other tag."""
    try:
        return Version.parse(text.removeprefix("v"))
    except ValueError:
        return None


def _group(part: str, whole: str, field: str) -> tuple[Comparator, ...]:
    part = _HYPHEN.sub(r" >=\1 <=\2 ", part).strip()
    found: list[Comparator] = []
    at = 0
    while at < len(part):
        match = _COMPARATOR.match(part, at)
        separated = not found or part[at - 1].isspace() or part[at - 1] == ","
        if not match or not separated:
            raise InvalidError(f"{field} {whole!r} is not a range of versions: cannot read {part[at:]!r}")
        found.append(_comparator(match[1], match[2]))
        at = match.end()
        if at < len(part) and part[at] == ",":
            at += 1
    if not found or part.endswith(","):
        raise InvalidError(f"{field} {whole!r} is not a range of versions: write for example '>=1.0.0'")
    return tuple(found)


def _comparator(operator: str, version: str) -> Comparator:
    match = _PARTS.fullmatch(version)
    assert match is not None  # noqa: S101 - the comparator's expression has matched the same grammar
    numbers: list[int] = []
    for part in match.group(1, 2, 3):
        if part in _WILD:
            break
        numbers.append(int(part))
    major, minor, patch = (*numbers, 0, 0, 0)[:3]
    base = Version(major, minor, patch, prerelease=match[4])
    return Comparator(operator, base, len(numbers))


def _group_allows(group: tuple[Comparator, ...], version: Version) -> bool:
    if version.prerelease and not any(comparator.base.prerelease for comparator in group):
        return False
    return all(comparator.allows(version) for comparator in group)


def _given(comparator: Comparator, version: Version) -> tuple[int, ...]:
    """The version's numbers, as many as the comparator gave."""
    return (version.major, version.minor, version.patch)[: comparator.precision]


def _base(comparator: Comparator) -> tuple[int, ...]:
    return _given(comparator, comparator.base)


def _equal(comparator: Comparator, version: Version) -> bool:
    return version == comparator.base if comparator.precision == 3 else _tilde(comparator, version)


def _not_equal(comparator: Comparator, version: Version) -> bool:
    if comparator.precision == 3:
        return bool(version != comparator.base)
    if comparator.precision == 2 and (version.prerelease or comparator.base.prerelease):
        # As the library has it: what is left out is the patch, not the prerelease.
        return _given(comparator, version) != _base(comparator) or version.prerelease != comparator.base.prerelease
    return _given(comparator, version) != _base(comparator)


def _greater(comparator: Comparator, version: Version) -> bool:
    if comparator.precision in (0, 3):
        return bool(version > comparator.base)
    # `>1.2` starts at 1.3: everything that begins with 1.2 is "equal".
    return _given(comparator, version) > _base(comparator)


def _at_most(comparator: Comparator, version: Version) -> bool:
    if comparator.precision == 3:
        return bool(version <= comparator.base)
    return _given(comparator, version) <= _base(comparator)


def _tilde(comparator: Comparator, version: Version) -> bool:
    if version < comparator.base:
        return False
    if comparator.precision == 3 and _base(comparator) == (0, 0, 0):
        # As the library has it: `~0.0.0` fixes nothing.
        return True
    fixed = min(comparator.precision, 2)
    return _given(comparator, version)[:fixed] == _base(comparator)[:fixed]


def _caret(comparator: Comparator, version: Version) -> bool:
    if version < comparator.base:
        return False
    base = _base(comparator)
    # The leftmost number that is not 0 may not change; where all given ones are 0, none of them may.
    fixed = next((place + 1 for place, number in enumerate(base) if number), len(base))
    return _given(comparator, version)[:fixed] == base[:fixed]


_OPERATORS: dict[str, Callable[[Comparator, Version], bool]] = {
    "": _equal,
    "=": _equal,
    "!=": _not_equal,
    ">": _greater,
    ">=": lambda comparator, version: bool(version >= comparator.base),
    "=>": lambda comparator, version: bool(version >= comparator.base),
    "<": lambda comparator, version: bool(version < comparator.base),
    "<=": _at_most,
    "=<": _at_most,
    "~": _tilde,
    "~>": _tilde,
    "^": _caret,
}
