"""Pushed images, made of what registries say: the name in front of them, and an id where the sender has none."""

from __future__ import annotations

from sluice.events.call import Call
from sluice.events.model import ImagePushed

REGISTRY = "registry"
"""What stands behind the `?` of a sender's address where clusters call the registry by another name than it does itself,
or where it does not say: `/nexus?registry=registry.example:5000`. A path may follow."""


def named(call: Call, host: str, repository: str) -> str:
    """The name of an image, without tag, as clusters write it.

    Args:
        call: whose address may name the registry.
        host: what the registry calls itself.
        repository: the path in it.
    """
    return f"{call.query.get(REGISTRY, '').strip('/') or host}/{repository.lstrip('/')}"


def unnamed_delivery(call: Call, image: str, tag: str, digest: str) -> str:
    """A name for a delivery of a sender that has neither a name nor a time for it: when it arrived.

    A redelivery is then an event of its own, which finds everything done. Without the time the second push of one tag
    would count as a redelivery of the first, and be lost.
    """
    return f"{image}:{tag}@{digest}/{call.at.isoformat()}"


def pushed(call: Call, image: str, tag: str, *, digest: str = "", at: str = "") -> ImagePushed:
    """The event of a sender that has no name for its deliveries.

    Args:
        at: when it was pushed, as the sender says it; empty where it does not.
    """
    delivery = f"{image}:{tag}@{digest}/{at}" if at else unnamed_delivery(call, image, tag, digest)
    return ImagePushed(delivery=delivery, image=image, tag=tag, digest=digest)


def split_tag(name: str) -> tuple[str, str]:
    """`https://ghcr.io/team/shop:1.2` → `ghcr.io/team/shop` and `1.2`; a registry's port is no tag, and a digest none."""
    bare = (name.partition("://")[2] or name).partition("@")[0]
    head, slash, last = bare.rpartition("/")
    repository, _, tag = last.partition(":")
    return f"{head}{slash}{repository}", tag
