"""Names of releases. Helm takes 53 characters at most; Flux shortens longer ones, and so does sluice."""

from __future__ import annotations

import hashlib

from sluice.manifests.flux.helm.release import HelmRelease

LONGEST = 53
MARK = 12
"""Characters of the hash at the end of a shortened name."""


def shortened(name: str) -> str:
    """The name as it is, or its beginning and a hash of the whole where it is too long for helm."""
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - MARK - 1]}-{hashlib.sha256(name.encode()).hexdigest()[:MARK]}"


def release_name(release: HelmRelease) -> str:
    """What the release is called in helm: as the manifest says, else by target namespace and name."""
    spec = release.spec
    prefixed = f"{spec.target_namespace}-{release.name}" if spec.target_namespace else release.name
    return shortened(spec.release_name or prefixed)
