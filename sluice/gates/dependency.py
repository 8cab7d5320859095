"""Whether another service has what a release needs: a promoted version in a range."""

from __future__ import annotations

from dataclasses import dataclass

from semver import Version

from sluice.images.ranges import parse_range
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.phase import Phase

PROMOTED = frozenset({Phase.INITIALIZED, Phase.SUCCEEDED, Phase.FAILED, Phase.WAITING, Phase.PROGRESSING})
"""Phases in which the primary runs one version, the promoted one; while it is replaced it runs two."""


@dataclass(frozen=True, slots=True)
class Met:
    """Whether a dependency is met, and why."""

    open: bool
    said: str


def met(wanted: str, canary: Canary, version: str, where: str) -> Met:
    """Whether a Canary has promoted a version that is wanted.

    Args:
        wanted: a range; `*` for any.
        version: that the primary runs.
        where: what people call the Canary.

    Raises:
        InvalidError: the range is none.
    """
    allowed = None if wanted.strip() == "*" else parse_range(wanted, field="dependency.version")
    phase = canary.status.phase
    if phase not in PROMOTED | {Phase.WAITING_PROMOTION}:
        return Met(False, f"{where} is {phase or 'not initialized yet'}: its promoted version is waited for")
    if allowed is None:
        return Met(True, f"{where} runs {version}")
    try:
        number = Version.parse(version.removeprefix("v"), optional_minor_and_patch=True)
    except ValueError:
        return Met(False, f"{where} runs {version}, which is no semantic version, so that {wanted} cannot be checked")
    if allowed.allows(number):
        return Met(True, f"{where} runs {version}")
    return Met(False, f"{where} runs {version}, {wanted} is needed")
