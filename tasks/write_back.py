"""Write back: put the chosen images into git, where the desired state is."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from blocks.connections import connections
from blocks.git import Author, Edit, Files
from blocks.kinds import GIT_REPOSITORY, IMAGE_POLICY, IMAGE_UPDATE_AUTOMATION
from blocks.sources import remote_of
from sluice.errors import InvalidError
from sluice.events.model import SourceChanged
from sluice.images.message import commit_message
from sluice.images.reference import ImageRef
from sluice.images.setters import MARK, Change, Edited, write_images
from sluice.manifests.conditions import reported, rfc3339
from sluice.manifests.git_repository import GitRepository
from sluice.manifests.image_policy import ImagePolicy
from sluice.manifests.image_update_automation import ImageUpdateAutomation
from tasks.stage import stage


class Written(BaseModel):
    """One commit, or none where git had the image already.

    Attributes:
        automation: `namespace/name` of the ImageUpdateAutomation.
        files: what the commit changed; empty where nothing had to be.
        event: what the rest of sluice has to know.
    """

    model_config = ConfigDict(frozen=True)
    automation: str
    files: tuple[str, ...]
    event: SourceChanged


@stage("write back")
async def write_back(wanted: dict[str, ImageRef]) -> list[Written]:
    """Commit the images at their marks, once for each ImageUpdateAutomation of the policies' namespaces.

    Args:
        wanted: `namespace:policy` → image.

    Raises:
        ConflictError: others pushed again and again; nothing was lost, nothing was written.
    """
    wired = connections()
    namespaces = {key.partition(":")[0] for key in wanted}
    written = []
    for namespace in sorted(namespaces):
        images = {key: image for key, image in wanted.items() if key.startswith(f"{namespace}:")}
        for item in await wired.cluster.list(IMAGE_UPDATE_AUTOMATION, namespace):
            automation = ImageUpdateAutomation.parse(item)
            chosen = await _selected(automation, images)
            if chosen and not automation.spec.suspend:
                written.append(await _write(automation, chosen))
    return written


async def _selected(automation: ImageUpdateAutomation, images: dict[str, ImageRef]) -> dict[str, ImageRef]:
    """The images whose policies the automation serves."""
    selector = automation.spec.policy_selector
    if selector is None:
        return images
    kept = {}
    for key, image in images.items():
        namespace, _, name = key.partition(":")
        policy = ImagePolicy.parse(await connections().cluster.get(IMAGE_POLICY, name, namespace))
        if selector.matches(policy.metadata.labels):
            kept[key] = image
    return kept


def _edited(path: str, text: str, images: dict[str, ImageRef]) -> Edited:
    try:
        return write_images(text, images)
    except InvalidError as error:
        raise InvalidError(f"{path}: {error}") from error


async def _write(automation: ImageUpdateAutomation, images: dict[str, ImageRef]) -> Written:
    wired = connections()
    namespace, name = automation.source
    source = GitRepository.parse(await wired.cluster.get(GIT_REPOSITORY, name, namespace))
    git, spec = automation.spec.git, automation.spec
    changes: dict[str, tuple[Change, ...]] = {}

    def change(files: Files) -> Files:
        changes.clear()
        edited = {path: _edited(path, text, images) for path, text in files.items()}
        changes.update({path: edit.changes for path, edit in edited.items() if edit.changes})
        return {path: edited[path].text for path in changes}

    unsupported = list(spec.unsupported("spec"))

    def message() -> str:
        values = git.commit.message_template_values
        made = commit_message(
            git.commit.message_template,
            automation=f"{automation.namespace}/{automation.name}",
            changes=changes,
            values=values,
        )
        if made.unsupported:
            unsupported.append(f"{{{{ {made.unsupported} }}}} in spec.git.commit.messageTemplate")
        return made.text

    branch = git.checkout.ref.branch if git.checkout else source.spec.ref.branch
    author = Author(name=git.commit.author.name or "sluice", email=git.commit.author.email)
    push_to = git.push.branch or branch
    edit = Edit(
        branch=branch, change=change, message=message, author=author, mark=MARK, under=spec.update.path, push_to=push_to
    )
    commit = await wired.need("git").commit(await remote_of(wired.cluster, source), edit)
    now = datetime.fromtimestamp(time.time(), UTC)
    stamp = rfc3339(now)
    status: dict[str, Any] = {"lastAutomationRunTime": stamp, "observedGeneration": automation.metadata.generation}
    if commit.files:
        status |= {"lastPushCommit": commit.id, "lastPushTime": stamp}
        conditions = reported(automation.status.conditions, unsupported, automation.metadata.generation, now)
        status |= {"conditions": [one.model_dump(by_alias=True) for one in conditions]}
    await wired.cluster.patch(
        IMAGE_UPDATE_AUTOMATION, automation.name, automation.namespace, {"status": status}, subresource="status"
    )
    event = SourceChanged(
        delivery=f"{source.spec.url}@{commit.id}", url=source.spec.url, branch=push_to, commit=commit.id
    )
    return Written(automation=f"{automation.namespace}/{automation.name}", files=commit.files, event=event)
