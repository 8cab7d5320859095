"""What is added to a chart's version so that a change of its source is one of the chart, as Flux does it."""

from __future__ import annotations

import re

from sluice.errors import InvalidError
from sluice.images.ranges import parse_version
from sluice.manifests.flux.helm.chart import HelmChart

SHORT = 12
"""Characters of a hash: a version goes into labels, which have 63."""
_DIGEST = re.compile(r"(?:^|@)(?:sha1|sha256|sha384|sha512):([0-9a-f]{12,})$")


def metadata_of(chart: HelmChart, revision: str) -> str:
    """The build metadata of a HelmChart's version; empty where the chart's own version says it all.

    Args:
        revision: of the source that the chart comes from.
    """
    parts = []
    if chart.spec.reconcile_strategy == "Revision":
        parts.append(short(revision))
    if chart.spec.values_files:
        parts.append(str(chart.metadata.generation))
    return ".".join(parts)


def short(revision: str) -> str:
    """The beginning of a revision's hash."""
    found = _DIGEST.search(revision)
    return found[1][:SHORT] if found else re.sub(r"[^0-9A-Za-z.-]", "-", revision)[:SHORT]


def with_metadata(version: str, metadata: str) -> str:
    """A version with this build metadata in place of its own.

    Raises:
        InvalidError: it is no semantic version.
    """
    if not metadata:
        return version
    parsed = parse_version(version)
    if parsed is None:
        raise InvalidError(f"the chart's version {version!r} is no semantic version")
    return f"{version.partition('+')[0]}+{metadata}"


def of_artifact(version: str, revision: str) -> tuple[str, str]:
    """The version of a chart out of an OCI artifact, and the artifact's digest: a tag that moves is another version.

    Args:
        version: of the chart.
        revision: of the artifact, `tag@sha256:…`.
    """
    tag, _, digest = revision.rpartition("@")
    found = parse_version(tag.replace("_", "+")) if tag else None
    own = parse_version(version)
    if (
        found is not None
        and own is not None
        and (found.major, found.minor, found.patch, found.prerelease)
        != (
            own.major,
            own.minor,
            own.patch,
            own.prerelease,
        )
    ):
        raise InvalidError(f"artifact revision {tag} does not match chart version {version}")
    return with_metadata(version, short(revision)), digest if found else revision
