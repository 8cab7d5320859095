"""Names of container images: registry, repository, tag and digest, as the distribution specification writes them.

Everybody who compares two image names goes through here, so that `nginx` and `docker.io/library/nginx` are one thing.
"""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict

from sluice.errors import InvalidError

DOCKER_HUB = "docker.io"
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_REGISTRY = re.compile(r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")


class ImageRef(BaseModel):
    """One image, named as a manifest names it.

    Attributes:
        name: repository with its registry, as the user wrote it: `ghcr.io/team/shop`.
        tag: empty where the image is named by digest alone.
        digest: `sha256:…`; empty where it is not known or not wanted.
    """

    model_config = ConfigDict(frozen=True)
    name: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    @property
    def short(self) -> str:
        """What people call it: `shop:1.2.0`."""
        return self.name.rsplit("/", 1)[-1] + (f":{self.tag}" if self.tag else "")


class Repository(BaseModel):
    """Where the tags of an image live.

    Attributes:
        registry: host and port; `docker.io` where the name says none.
        path: the repository's path in that registry.
    """

    model_config = ConfigDict(frozen=True)
    registry: str
    path: str

    def __str__(self) -> str:
        return f"{self.registry}/{self.path}"


def parse_repository(name: str) -> Repository:
    """Read a repository name without tag, with the implied parts made explicit.

    The first part is a registry if it has a dot or a port or is `localhost`, as Docker reads it.

    Raises:
        InvalidError: the name is not one of the distribution specification.
    """
    head, slash, rest = name.partition("/")
    if slash and ("." in head or ":" in head or head == "localhost"):
        registry, path = head.lower(), rest
    else:
        registry, path = DOCKER_HUB, name
    if registry in ("index.docker.io", "registry-1.docker.io"):
        registry = DOCKER_HUB
    if registry == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    if not _REGISTRY.fullmatch(registry) or not _REPOSITORY.fullmatch(path):
        raise InvalidError(f"{name!r} is not the name of an image repository: write registry/path without a tag")
    return Repository(registry=registry, path=path)


def parse_image(text: str) -> ImageRef:
    """An image as a container names it: a repository, and a tag, a digest, or both.

    Raises:
        InvalidError: it is none.
    """
    name, _, digest = text.partition("@")
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    parse_repository(f"{head}{slash}{last}")
    return ImageRef(name=f"{head}{slash}{last}", tag=tag, digest=digest)


def same_repository(one: str, other: str) -> bool:
    """Whether two names mean one repository. Names that cannot be read are never the same."""
    try:
        return parse_repository(one) == parse_repository(other)
    except InvalidError:
        return False


def is_tag(tag: object) -> bool:
    """Whether an image reference can have this as its tag. A registry may list anything; nobody can pull the rest."""
    return isinstance(tag, str) and _TAG.fullmatch(tag) is not None
