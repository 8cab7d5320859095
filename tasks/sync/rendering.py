"""Render: the objects of a Kustomization at one revision, with what the cluster has for them: keys and variables."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any

from blocks.connections import Connections
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import CONFIG_MAP, SECRET
from blocks.renderers.base import Means
from blocks.renderers.keys import Keys, keys_of
from sluice.errors import InvalidError, NotFoundError
from sluice.manifests.flux.kustomization import Kustomization
from sluice.manifests.flux.rendering import PostBuild
from sluice.sync.objects import Object
from sluice.sync.rendering.substitution import checked

_KINDS = {kind.kind: kind for kind in (CONFIG_MAP, SECRET)}


async def render(wired: Connections, kustomization: Kustomization, tree: Path) -> list[Object]:
    """The objects that the source has for this Kustomization.

    Args:
        wired: this process's connections.
        kustomization: as it was read.
        tree: the source's files.

    Raises:
        NotFoundError: the source has no such directory, or a ConfigMap or Secret that is named is not there.
        InvalidError: it cannot be rendered; the message names the file, the field or the object.
        TransientError: it took too long, or the cluster does not answer.
    """
    home = wired.cluster
    means = Means(await _keys(home, kustomization), await _variables(home, kustomization))
    return await wired.renderer(kustomization.kind).render(tree, kustomization.spec, means)


async def _keys(cluster: Cluster, kustomization: Kustomization) -> Keys | None:
    """For `spec.decryption`; None where nothing is to be decrypted."""
    wanted = kustomization.spec.decryption
    if wanted is None:
        return None
    if wanted.service_account_name:
        raise InvalidError(
            "spec.decryption.serviceAccountName is not supported yet: put the keys into a Secret (secretRef), or give the "
            "worker's own identity the right to the key service"
        )
    if wanted.secret_ref is None:
        return Keys()
    where = f"spec.decryption.secretRef: Secret {kustomization.namespace}/{wanted.secret_ref.name}"
    try:
        return keys_of(await cluster.get(SECRET, wanted.secret_ref.name, kustomization.namespace), where)
    except NotFoundError as error:
        raise NotFoundError(f"{where} is not there") from error


async def _variables(cluster: Cluster, kustomization: Kustomization) -> dict[str, str] | None:
    """For `spec.postBuild`; None where nothing is to be put in."""
    wanted = kustomization.spec.post_build
    if wanted is None:
        return None
    found = {**await _referred(cluster, wanted, kustomization.namespace), **wanted.substitute}
    return checked(found) if found or wanted.substitute_strategy == "Always" else None


async def _referred(cluster: Cluster, wanted: PostBuild, namespace: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for index, reference in enumerate(wanted.substitute_from):
        where = f"spec.postBuild.substituteFrom[{index}] {reference.kind} {namespace}/{reference.name}"
        try:
            one = await cluster.get(_KINDS[reference.kind], reference.name, namespace)
        except NotFoundError as error:
            if reference.optional:
                continue
            raise NotFoundError(f"{where} is not there: make it, or set optional: true") from error
        found |= _data(one, where)
    return found


def _data(one: dict[str, Any], where: str) -> dict[str, str]:
    data = one.get("data") or {}
    if one.get("kind") != SECRET.kind:
        return {key: str(value) for key, value in data.items()}
    found = {}
    for key, value in data.items():
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise InvalidError(f"{where}: the value of {key!r} is not text, which a variable has to be") from None
    return found
