"""The flags that the commits between two images name: between what the primary runs and what the canary does."""

from __future__ import annotations

from typing import Any

from blocks.git.history.messages import messages
from blocks.registries.labels import labels_of
from blocks.sources.git import git_repository, remote_of
from sluice.errors import InvalidError, NotFoundError
from sluice.images.reference import ImageRef, parse_image
from sluice.manifests.flagger.kill_switch import CommitTrailers, NamedFlag
from sluice.marks.where import REVISION
from sluice.rollout.kill_switch.named import trailers_of
from tasks.scene.rollout_ref import Scene

Object = dict[str, Any]


async def flags_of_commits(scene: Scene, trailers: CommitTrailers, target: Object) -> tuple[NamedFlag, ...]:
    """The flags in the `Flag:` trailers of what is new in the target's image.

    Raises:
        InvalidError: an image has no such label, or it is no commit's id.
        SluiceError: the registry, or the repository's server, has them not or does not answer.
    """
    canary = scene.canary
    primary = await scene.canaries.primary(canary)
    if primary is None:
        raise NotFoundError(f"{canary.primary} is gone, so there is no image to compare with")
    pair = _moved(primary, target)
    if pair is None:
        return ()
    since, until = [await _commit_of(scene, one, image) for one, image in zip((primary, target), pair, strict=True)]
    source = await git_repository(scene.wired.cluster, trailers.source_ref.key(canary.namespace))
    remote = await remote_of(scene.wired.cluster, source)
    return trailers_of(await messages(scene.wired.git, remote, since, until, source.spec.ref.followed))


def _moved(primary: Object, target: Object) -> tuple[ImageRef, ImageRef] | None:
    """The images of the first container that has another one now; None where no image is another."""
    was = {one["name"]: one["image"] for one in _containers(primary)}
    for one in _containers(target):
        before = was.get(one["name"])
        if before and before != one["image"]:
            return parse_image(before), parse_image(one["image"])
    return None


def _containers(workload: Object) -> list[Object]:
    return list(workload["spec"]["template"]["spec"].get("containers") or [])


async def _commit_of(scene: Scene, workload: Object, image: ImageRef) -> str:
    """The commit that an image was built from, as its label says; read as the workload's pods pull it."""
    labels = await labels_of(scene.wired.cluster, scene.wired.artifacts, scene.canary.namespace, workload, image)
    label = labels.get(REVISION, "")
    if not label:
        raise InvalidError(f"{image} has no label {REVISION}: have your build set it, or name flags by annotation")
    return label.strip()
