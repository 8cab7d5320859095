"""Where a revision comes from, and where it goes: by annotations, and by the labels of its image."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import NamedTuple

from sluice.errors import InvalidError

REPOSITORY, COMMIT, ENVIRONMENT = "sluice.dev/repository", "sluice.dev/commit", "sluice.dev/environment"
"""Annotations: of the Canary, and `commit` of its target or the target's pods, where it changes with each version."""
SOURCE = "org.opencontainers.image.source"
REVISION = "org.opencontainers.image.revision"
"""The labels of an image that say what it was built from (github.com/opencontainers/image-spec, annotations.md)."""
LONGEST_ENVIRONMENT = 100
LONGEST_CONTEXT = 200
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_ENVIRONMENT = re.compile(r"[^\x00-\x1f<>]*")


class Origin(NamedTuple):
    """What a revision was built from."""

    repository: str
    commit: str


def environment(annotations: Mapping[str, str], usual: str) -> str:
    """What the forge calls the place where a Canary releases; empty where nobody wants to see it there.

    Raises:
        InvalidError: the annotation is no name.
    """
    named = annotations.get(ENVIRONMENT, usual).strip()
    if len(named) > LONGEST_ENVIRONMENT or not _ENVIRONMENT.fullmatch(named):
        raise InvalidError(f"annotation {ENVIRONMENT} has to be a name of {LONGEST_ENVIRONMENT} characters at most")
    return named


def annotated(*every: Mapping[str, str]) -> Origin:
    """What the annotations of several objects say, the first one first; each part is empty where none says it."""
    said = {key: next((one[key].strip() for one in every if one.get(key)), "") for key in (REPOSITORY, COMMIT)}
    return Origin(said[REPOSITORY], said[COMMIT])


def labelled(said: Origin, labels: Mapping[str, str]) -> Origin:
    """What annotations say, and for the rest the labels of an image."""
    # BuildKit writes `…git#branch:folder` where it built from an address.
    source = labels.get(SOURCE, "").partition("#")[0].strip()
    return Origin(said.repository or source, said.commit or labels.get(REVISION, "").strip())


def checked(origin: Origin) -> Origin:
    """It, where a forge can be asked about it.

    Raises:
        InvalidError: a part is missing, or the commit is no whole hash.
    """
    if not origin.repository:
        raise InvalidError(
            f"its image has no label {SOURCE}: have your build set it, or annotate the Canary: {REPOSITORY}"
        )
    if not origin.commit:
        raise InvalidError(f"its image has no label {REVISION}: have your build set it, or annotate its pods: {COMMIT}")
    if not _COMMIT.fullmatch(origin.commit):
        raise InvalidError(
            f"{origin.commit[:80]!r} (label {REVISION}, or annotation {COMMIT}) is no whole hash of a commit"
        )
    return origin


def context_of(environment_: str, service: str) -> str:
    """The context of a commit's status: of its own for each environment, else the last cluster hides all others."""
    text = f"sluice/{environment_}/{service}"
    if len(text) <= LONGEST_CONTEXT:
        return text
    return f"{text[: LONGEST_CONTEXT - 9]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
