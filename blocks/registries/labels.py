"""The labels of the images that a workload runs, read as its pods pull them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from blocks.kubernetes.cluster import Cluster
from blocks.registries.pull_secrets import login_by_secrets
from blocks.registries.pulls import Puller
from sluice.errors import NotFoundError
from sluice.images.reference import ImageRef, parse_repository
from sluice.manifests.references import LocalReference


async def labels_of(
    cluster: Cluster, registry: Puller, namespace: str, workload: dict[str, Any], image: ImageRef
) -> dict[str, str]:
    """The labels of an image of a workload's pods, by the secrets that pull it.

    Raises:
        SluiceError: the registry does not answer, refuses, or has no such image.
    """
    where, pods = parse_repository(image.name), workload["spec"]["template"]["spec"]
    login, account = None, pods.get("serviceAccountName") or "default"
    for secret in [LocalReference(name=one["name"]) for one in pods.get("imagePullSecrets") or [] if one.get("name")]:
        login = login or await login_by_secrets(cluster, namespace, secret, "", where)
    with suppress(NotFoundError):  # pods can be described before their service account is there
        login = login or await login_by_secrets(cluster, namespace, None, account, where)
    digest = image.digest or await registry.digest(where, image.tag or "latest", login)
    return dict(await registry.labels(where, digest, login))
