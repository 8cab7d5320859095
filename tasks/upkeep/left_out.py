"""Why an object that another one refers to is not acted on here: it is left to Flux, out of scope, not valid, or not there.

Without a word of it the one that refers to it would look as if all were well.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime

from blocks.kubernetes.cluster import Cluster, Kind
from sluice.errors import InvalidError
from sluice.manifests.beside_flux import left_to_flux
from sluice.manifests.meta import Manifest
from sluice.manifests.references import SourceKey

SETTLED = 120.0
"""Seconds after an object was made before anything is said of what it refers to: that may be applied a little later, and one
of Flux's controllers may act on the object and has not written its status yet."""


def is_settled(one: Manifest) -> bool:
    """Whether an object has been there for long enough; one that does not say since when has not."""
    with suppress(ValueError):
        made = datetime.fromisoformat(str((one.metadata.model_extra or {}).get("creationTimestamp", "")))
        return time.time() - made.timestamp() >= SETTLED
    return False


async def why_left_out(cluster: Cluster, kind: Kind, model: type[Manifest], key: SourceKey, field: str) -> str:
    """Why nobody here acts on an object, with the way out; empty where somebody does.

    Args:
        cluster: where it is.
        kind: of it.
        model: how its manifests are read.
        key: its name.
        field: that refers to it.

    Raises:
        TerminalError, TransientError: the cluster refuses us, or does not answer.
    """
    named = f"{key.kind} {key.namespace}/{key.name}"
    if cluster.namespaces and key.namespace not in cluster.namespaces:
        return f"{named} is left out here: namespace {key.namespace} is not among SLUICE_NAMESPACES"
    found = await cluster.find(kind, key.name, key.namespace)
    if found is None:
        return f"{named} is not there: make it, or name another in {field}"
    if not cluster.acts_on(kind, found):
        left = left_to_flux(found, datetime.fromtimestamp(time.time(), UTC))
        whose = "is left to Flux" if left else "does not have the labels of SLUICE_FLUX_SELECTOR"
        return (
            f"{named} {whose}, and so sluice does not act on it: take it over with `sluice migrate flux "
            f"{key.namespace}`, or name one that is sluice's in {field}"
        )
    try:
        model.parse(found)
    except InvalidError as error:
        return f"{named} is not valid: {error}"
    return ""
