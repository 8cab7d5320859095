"""Recorded releases as artifacts in Prefect, read back to be judged once more."""

from __future__ import annotations

import hashlib

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter
from prefect.client.schemas.sorting import ArtifactSort

from sluice.errors import NotFoundError, TransientError
from sluice.replay.recording import Release

RECORDING = "recording"
"""Type of the artifact that holds what a release was judged by."""
PAGE = 200
"""Artifacts that Prefect answers at once, at most."""


def recording_key(name: str, namespace: str) -> str:
    """Key of the artifact that holds what a Canary's releases were judged by; the latest is the last release."""
    return artifact_key(name, namespace, "recording")


def artifact_key(name: str, namespace: str, what: str) -> str:
    """Key of an artifact of a Canary, which no other Canary's has.

    Prefect takes lower-case letters, digits and dashes only, and names have dashes themselves, and dots: `a-b` in `c` is
    not `a` in `b-c`.
    """
    apart = hashlib.sha256(f"{namespace}/{name}".encode()).hexdigest()[:8]
    return f"rollout-{name.replace('.', '-')}-{namespace}-{apart}-{what}"


async def last_release(name: str, namespace: str) -> Release:
    """The last recorded release of a Canary.

    Raises:
        NotFoundError: none is kept.
        TransientError: Prefect does not answer.
    """
    found = await _recorded({"key": {"any_": [recording_key(name, namespace)]}}, 1)
    if not found:
        raise NotFoundError(f"no release of {name}.{namespace} is recorded; its Canary is named NAME.NAMESPACE")
    return found[0]


async def recorded_releases(most: int) -> list[Release]:
    """The last `most` recorded releases of all Canaries, newest first.

    Raises:
        TransientError: Prefect does not answer.
    """
    return await _recorded({"type": {"any_": [RECORDING]}}, most)


async def _recorded(which: dict[str, object], most: int) -> list[Release]:
    try:
        return await _read(which, most)
    except httpx.TransportError as error:
        raise TransientError(
            f"Prefect, which keeps recordings, does not answer ({error!r}): start sluice up, or set SLUICE_PREFECT_API_URL"
        ) from error


async def _read(which: dict[str, object], most: int) -> list[Release]:
    chosen = ArtifactFilter.model_validate(which)
    found: list[Release] = []
    async with get_client() as client:
        while len(found) < most:
            page = await client.read_artifacts(
                artifact_filter=chosen,
                sort=ArtifactSort.CREATED_DESC,
                limit=min(PAGE, most - len(found)),
                offset=len(found),
            )
            found += [Release.parse(str(one.data)) for one in page]
            if not page:
                break
    return found
