"""Find OCIRepositories that a push is about: an artifact with manifests is pushed just as an image is."""

from __future__ import annotations

from blocks.connections import connections
from blocks.kubernetes.kinds import OCI_REPOSITORY
from sluice.events.model import SourceChanged
from sluice.images.reference import same_repository
from sluice.manifests.flux.oci_repository import LATEST, SCHEME, OCIRepository
from tasks.stage import stage


@stage("find pushed sources", run_name="find sources at {image}:{tag}")
async def find_pushed_sources(image: str, tag: str, run: str) -> list[SourceChanged]:
    """An event for each address of OCIRepositories that may follow this tag, and are not suspended.

    Args:
        image: repository with its registry, without tag.
        tag: what was pushed.
        run: name of the delivery; a stage that is repeated in it finds the same events.
    """
    found = OCIRepository.valid(await connections().cluster.list(OCI_REPOSITORY))
    moved = {one.address: one for one in found if not one.spec.suspend and _follows(one, image, tag)}
    return [
        SourceChanged(delivery=f"pushed/{run}/{address}", url=address, ref=one.ref, commit="")
        for address, one in moved.items()
    ]


def _follows(one: OCIRepository, image: str, tag: str) -> bool:
    """Whether the push may be what it asks for: a range of tags is asked of the registry, which knows them all."""
    ref = one.spec.ref
    if ref.digest or not same_repository(one.spec.url.removeprefix(SCHEME), image):
        return False
    return bool(ref.semver) or tag == (ref.tag or LATEST)
