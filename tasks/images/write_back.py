"""Write back: put the chosen images into git, where the desired state is."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from blocks.connections import connections
from blocks.git.mirrors import Author, Edit, Files
from blocks.kubernetes.kinds import IMAGE_POLICY, IMAGE_UPDATE_AUTOMATION
from blocks.sources.git import git_repository, remote_of
from sluice.errors import InvalidError, NotFoundError, TerminalError
from sluice.events.model import SourceChanged
from sluice.images import record
from sluice.images.message import commit_message
from sluice.images.reference import ImageRef
from sluice.images.setters import MARK, Change, Edited, write_images
from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.flux.image_policy import ImagePolicy
from sluice.manifests.flux.image_update_automation import ImageUpdateAutomation
from sluice.manifests.flux.outcome import Body
from tasks.stage import stage


class Written(BaseModel):
    """What one ImageUpdateAutomation did.

    Attributes:
        automation: `namespace/name` of the ImageUpdateAutomation.
        files: what the commit changed; empty where git had everything already.
        event: what the rest of sluice has to know; None where nothing could be written.
        fault: why nothing could be written; empty where all went well.
    """

    model_config = ConfigDict(frozen=True)
    automation: str
    files: tuple[str, ...] = ()
    event: SourceChanged | None = None
    fault: str = ""


@stage("write back")
async def write_back(wanted: dict[str, ImageRef]) -> list[Written]:
    """Commit the images at their marks, once for each ImageUpdateAutomation of the policies' namespaces.

    An automation that cannot write says why in its Ready condition and does not stop the others.

    Args:
        wanted: `namespace:policy` → image.

    Raises:
        ConflictError: others pushed again and again; nothing was lost, nothing was written.
        TransientError: the git server does not answer.
    """
    wired = connections()
    namespaces = {key.partition(":")[0] for key in wanted}
    written = []
    for namespace in sorted(namespaces):
        images = {key: image for key, image in wanted.items() if key.startswith(f"{namespace}:")}
        found = await wired.cluster.list(IMAGE_UPDATE_AUTOMATION, namespace)
        for automation in ImageUpdateAutomation.valid(found):
            with contextlib.suppress(InvalidError):
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


@dataclass(frozen=True, slots=True)
class Delivery:
    """The images that one automation writes, and what writing them came to; done again where somebody else pushed."""

    automation: ImageUpdateAutomation
    images: dict[str, ImageRef]
    changes: dict[str, tuple[Change, ...]] = field(default_factory=dict)
    unsupported: list[str] = field(default_factory=list)

    def change(self, files: Files) -> Files:
        """The files with the images at their marks."""
        self.changes.clear()
        edited = {path: self._edited(path, text) for path, text in files.items()}
        self.changes.update({path: edit.changes for path, edit in edited.items() if edit.changes})
        return {path: edited[path].text for path in self.changes}

    def message(self) -> str:
        """Of the commit."""
        asked = self.automation.spec.git.commit
        made = commit_message(
            asked.message_template,
            automation=f"{self.automation.namespace}/{self.automation.name}",
            changes=self.changes,
            values=asked.message_template_values,
            images=self.images,
        )
        self.unsupported.clear()
        if made.unsupported:
            self.unsupported.append(made.unsupported)
        return made.text

    def edit(self, source: GitRepository) -> Edit:
        """What git has to do.

        Raises:
            InvalidError: it is not said which branch to start from.
        """
        spec = self.automation.spec
        branch = (spec.git.checkout.ref if spec.git.checkout else source.spec.ref).followed
        if not branch:
            raise InvalidError(
                f"{self.automation} starts from a tag or a commit: name a branch in spec.git.checkout.ref"
            )
        author = Author(name=spec.git.commit.author.name or "sluice", email=spec.git.commit.author.email)
        return Edit(
            branch=branch,
            change=self.change,
            message=self.message,
            author=author,
            mark=MARK,
            under=spec.update.path,
            push_to=spec.git.push.branch or branch,
        )

    def _edited(self, path: str, text: str) -> Edited:
        try:
            return write_images(text, self.images)
        except InvalidError as error:
            raise InvalidError(f"{path}: {error}") from error


async def _write(automation: ImageUpdateAutomation, images: dict[str, ImageRef]) -> Written:
    wired = connections()
    named = f"{automation.namespace}/{automation.name}"
    delivery = Delivery(automation, images)
    try:
        source = await git_repository(wired.cluster, automation.source)
        edit = delivery.edit(source)
        commit = await wired.git.commit(await remote_of(wired.cluster, source), edit)
    except TerminalError as error:
        await _write_status(automation, record.wrong(automation, str(error), _now()))
        return Written(automation=named, fault=f"{automation}: {error}")
    await _write_status(
        automation,
        record.written(
            automation, commit.id, edit.push_to, _now(), new=bool(commit.files), unsupported=delivery.unsupported
        ),
    )
    address = source.address
    event = SourceChanged(delivery=f"{address}@{commit.id}", url=address, ref=edit.push_to, commit=commit.id)
    return Written(automation=named, files=commit.files, event=event)


async def _write_status(automation: ImageUpdateAutomation, body: Body | None) -> None:
    if body:
        # It was deleted meanwhile: nobody is left to read the reason.
        with contextlib.suppress(NotFoundError):
            await connections().cluster.patch(
                IMAGE_UPDATE_AUTOMATION, automation.name, automation.namespace, body, subresource="status"
            )


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)
