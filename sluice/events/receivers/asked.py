"""ASKED: the kinds that a Receiver may ask to be reconciled, as Flux serves them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sluice.errors import InvalidError
from sluice.expressions import holds
from sluice.manifests.flux.receiver import ANY, REQUESTED_AT, Receiver, ReceiverResource

SOURCE, IMAGE = "source.toolkit.fluxcd.io/v1", "image.toolkit.fluxcd.io/v1"
ASKED: Mapping[str, tuple[str, str]] = {
    "GitRepository": (SOURCE, "gitrepositories"),
    "OCIRepository": (SOURCE, "ocirepositories"),
    "HelmRepository": (SOURCE, "helmrepositories"),
    "HelmChart": (SOURCE, "helmcharts"),
    "Bucket": (SOURCE, "buckets"),
    "ImageRepository": (IMAGE, "imagerepositories"),
    "ImagePolicy": (IMAGE, "imagepolicies"),
    "ImageUpdateAutomation": (IMAGE, "imageupdateautomations"),
    "Kustomization": ("kustomize.toolkit.fluxcd.io/v1", "kustomizations"),
    "HelmRelease": ("helm.toolkit.fluxcd.io/v2", "helmreleases"),
}
"""Kind → API version and plural, where a resource does not say its API version itself."""


class Wish(NamedTuple):
    """Which objects of which kind are asked; `name` is empty where `labels` choose them."""

    api_version: str
    kind: str
    namespace: str
    name: str
    labels: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name or f'* with {self.labels}'}"


def wish(receiver: Receiver, resource: ReceiverResource) -> Wish:
    """The objects that a resource of a Receiver means.

    Raises:
        InvalidError: it does not say the API version of a kind that Flux does not have.
    """
    api_version = resource.api_version or ASKED.get(resource.kind, ("", ""))[0]
    if not api_version:
        raise InvalidError(f"{receiver}: apiVersion must be specified for kind {resource.kind!r} in spec.resources")
    labels = ",".join(f"{key}={value}" for key, value in sorted(resource.match_labels.items()))
    one = "" if resource.name == ANY else resource.name
    return Wish(api_version, resource.kind, resource.namespace or receiver.namespace, one, "" if one else labels)


def fulfils(
    filters: Iterable[str], kind: str, api_version: str, manifest: Mapping[str, Any], delivery: Mapping[str, Any]
) -> bool:
    """Whether an object fulfils all filters. They see its metadata only, as Flux's do, and what is seen of the delivery.

    Raises:
        InvalidError: one of them is no CEL, or not true or false.
    """
    seen = {"apiVersion": api_version, "kind": kind, "metadata": manifest["metadata"]}
    return all(holds(one, {"res": seen, **delivery}) for one in filters)


def request(at: datetime) -> dict[str, Any]:
    """The patch that asks an object to be reconciled."""
    return {"metadata": {"annotations": {REQUESTED_AT: at.isoformat(timespec="microseconds")}}}
