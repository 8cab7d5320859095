"""The latest tag that an image policy wants, from all tags of the repository.

The answer depends on the set of tags alone, never on which was pushed last: an older push that is handled late cannot
replace a newer image by an older one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from semver import Version

from sluice.errors import InvalidError
from sluice.images.ranges import parse_range, parse_version
from sluice.images.tags import compared
from sluice.manifests.flux.image_policy import ImagePolicySpec, OrderPolicy


def latest_tag(spec: ImagePolicySpec, tags: Iterable[str]) -> str | None:
    """The tag that the policy chooses; None where none of the tags is wanted.

    Args:
        spec: of the ImagePolicy.
        tags: of the repository, in any order, without those its `exclusionList` takes out.

    Raises:
        InvalidError: the policy is wrong, or tags that it lets through cannot be ordered as it says; names the field.
    """
    candidates = compared(tags, spec.filter_tags)
    choice = spec.policy
    given = [name for name in ("semver", "alphabetical", "numerical") if getattr(choice, name) is not None]
    if len(given) != 1:
        raise InvalidError(
            f"spec.policy must have exactly one of semver, alphabetical, numerical; it has {', '.join(given) or 'none'}"
        )
    if choice.semver:
        chosen = _highest(choice.semver.range, candidates)
    elif choice.alphabetical:
        chosen = _last(sorted(candidates), choice.alphabetical)
    else:
        chosen = _last(sorted(candidates, key=_number), choice.numerical or OrderPolicy())
    return None if chosen is None else candidates[chosen]


def _highest(wanted: str, candidates: Iterable[str]) -> str | None:
    accepted = parse_range(wanted, field="spec.policy.semver.range")
    best: tuple[Version, str] | None = None
    for text in candidates:
        version = parse_version(text)
        # Equal versions (1.0.0 and v1.0.0): the first in the alphabet, so that the answer is always the same.
        if version and accepted.allows(version) and (best is None or version > best[0]):
            best = (version, text)
    return best[1] if best else None


def _last(ordered: list[str], policy: OrderPolicy) -> str | None:
    if not ordered:
        return None
    return ordered[-1] if policy.order == "asc" else ordered[0]


def _number(text: str) -> tuple[float, str]:
    """Sort key; the text itself makes equal numbers (1 and 01) come in one order."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isnan(number) or "_" in text:
        raise InvalidError(
            f"spec.policy.numerical: {text!r} is not a number: let spec.filterTags leave it out or extract the number"
        )
    return number, text
