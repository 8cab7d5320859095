"""One automation's edit of git: which images, in which files, as which commit, and what its status says afterwards."""

from __future__ import annotations

import contextlib
import posixpath
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

from blocks.connections import Connections, connections
from blocks.git.mirrors import Author, Edit, Files, Remote
from blocks.git.signing import Signer
from blocks.kubernetes.kinds import IMAGE_UPDATE_AUTOMATION, SECRET
from blocks.sources.git import wanted
from sluice.errors import InvalidError, NotFoundError
from sluice.images.message import commit_message
from sluice.images.quarantine import FILE, KeptOut, edited, instead_of, keeping_out, read, released, together
from sluice.images.reference import ImageRef
from sluice.images.setters import MARK, Change, Edited, policy_and_part, write_images
from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.flux.image_update_automation import ImageUpdateAutomation
from sluice.manifests.flux.outcome import Body
from tasks.images.writing.signing import signer_for


@dataclass(frozen=True, slots=True)
class Wish:
    """What one policy wants in git.

    Attributes:
        image: that it chose; None where it has not chosen yet.
        kept_out: the versions that it does not choose.
        release: a person's word that lets some of them in again.
        version: of the policy as it was read.
    """

    image: ImageRef | None
    kept_out: tuple[KeptOut, ...] = ()
    release: str = ""
    version: str = ""


class Rollbacks(Enum):
    """What an edit does with versions that were rolled back."""

    TOO = "too"
    """Takes them out of git, next to what it delivers."""
    NOT = "not"
    """Leaves them where they are."""
    ALONE = "alone"
    """Takes them out, and does nothing else."""

    def takes(self, rolled_back: KeptOut | None) -> bool:
        """Whether the edit writes the image of a policy, by the version of it that was rolled back."""
        return self is Rollbacks.TOO or (rolled_back is not None) == (self is Rollbacks.ALONE)


Wishes = Mapping[str, Wish]
"""By `namespace:policy`."""


@dataclass(slots=True)
class Delivery:
    """The images that one automation writes, and what writing them came to; done again where somebody else pushed.

    Attributes:
        automation: as it was read.
        source: that it writes to.
        ask: reads what the policies want; asked before each try, when the tree to be edited is known, so that a newer choice
            is never replaced by an older one.
    """

    automation: ImageUpdateAutomation
    source: GitRepository
    ask: Callable[[], Awaitable[Wishes]]
    wishes: Wishes = field(default_factory=dict)
    images: dict[str, ImageRef] = field(default_factory=dict)
    changes: dict[str, tuple[Change, ...]] = field(default_factory=dict)
    unsupported: list[str] = field(default_factory=list)
    known: tuple[KeptOut, ...] = ()
    """What git keeps out."""
    rolled_back: dict[str, KeptOut] = field(default_factory=dict)
    """Policy → the version of it that the edit takes out of git."""
    rollbacks: Rollbacks = Rollbacks.TOO
    others: bool = False
    """Whether the edit delivers other images as well."""
    push_to: str = ""
    """A branch of its own for this edit; empty for the automation's."""

    async def _start(self, wired: Connections, remote: Remote) -> tuple[str, str]:
        """The branch that is started from, or another reference as revisions write it and the commit that it is at.

        Raises:
            InvalidError: a tag or a commit is started from, and it is not said to which branch to push.
        """
        spec = self.automation.spec
        ref = spec.git.checkout.ref if spec.git.checkout else self.source.spec.ref
        if ref.followed:
            return ref.followed, ""
        if not (self.push_to or spec.git.push.branch):
            raise InvalidError(
                f"{self.automation} starts from a tag or a commit: name a branch in spec.git.push.branch"
            )
        found = await wired.git.find(remote, wanted(ref))
        return found.shown, found.commit

    @property
    def quarantine(self) -> str:
        """Path of the file with the versions that stay out."""
        under = self.automation.spec.update.path
        folder = posixpath.dirname(under) if under.endswith((".yaml", ".yml", "Kustomization")) else under
        return posixpath.normpath(posixpath.join(folder or ".", FILE))

    async def edit(self, wired: Connections, remote: Remote) -> Edit:
        """What git has to do.

        Raises:
            InvalidError: the automation cannot be followed; names the field.
            NotFoundError: the Secret of the signing key is not there.
        """
        spec = self.automation.spec
        start, commit = await self._start(wired, remote)
        author = Author(name=spec.git.commit.author.name or "sluice", email=spec.git.commit.author.email)
        return Edit(
            branch=start,
            commit=commit,
            change=self.change,
            message=self.message,
            author=author,
            mark=MARK,
            under=spec.update.path,
            push_to=self.push_to or spec.git.push.branch or start,
            also=(self.quarantine,),
            before=self._asked,
            signer=await _signer(wired, self.automation),
            refspec="" if self.push_to else spec.git.push.refspec,
            options={} if self.push_to else spec.git.push.options,
        )

    def change(self, files: Files) -> Files:
        """The files with the images at their marks, and the list of what stays out as it has to be."""
        self.changes.clear()
        self.unsupported.clear()
        listed = files.get(self.quarantine, "")
        marked = {path: text for path, text in files.items() if path != self.quarantine}
        here = {key: wish for key, wish in self.wishes.items() if _marks(key, marked)}
        words = " ".join(wish.release for wish in self.wishes.values())
        self.known = tuple(one for one in read(listed) if not released(one, words))
        held = self._chosen(here)
        out = {path: self._edited(path, text, held) for path, text in marked.items()}
        self.changes.update({path: one.changes for path, one in out.items() if one.changes})
        touched = {policy_and_part(change.setter)[0] for file in self.changes.values() for change in file}
        self.rolled_back = {key: one for key, one in self.rolled_back.items() if key in touched}
        self.others = bool(touched - set(self.rolled_back))
        if self.rollbacks is Rollbacks.ALONE:
            return {path: one.text for path, one in out.items() if one.changes}
        add = together(*(self._standing(wish) for wish in here.values()))
        gone = [one for one in read(listed) if released(one, words)]
        return {path: one.text for path, one in out.items() if one.changes} | {
            self.quarantine: edited(listed, add, gone)
        }

    def message(self) -> str:
        """Of the commit."""
        if not self.changes:
            return f"Versions that were rolled back: {self.quarantine}"
        rollback = _rollback_message(self.rolled_back) if self.rolled_back else ""
        if rollback and not self.others:
            return rollback
        asked = self.automation.spec.git.commit
        made = commit_message(
            asked.message_template,
            automation=f"{self.automation.namespace}/{self.automation.name}",
            changes=self.changes,
            values=asked.message_template_values,
            images=self.images,
        )
        if made.unsupported:
            self.unsupported.append(made.unsupported)
        return f"{made.text}\n\n{rollback}" if rollback else made.text

    async def _asked(self) -> None:
        self.wishes = await self.ask()

    @staticmethod
    def _standing(wish: Wish) -> list[KeptOut]:
        return [one for one in wish.kept_out if not released(one, wish.release)]

    def _chosen(self, here: Wishes) -> dict[str, list[KeptOut]]:
        """Set what is to be written; gives the versions that each policy which went back may be taken from."""
        self.images.clear()
        self.rolled_back.clear()
        held: dict[str, list[KeptOut]] = {}
        for key, wish in here.items():
            if wish.image is None:
                continue
            standing = together(self._standing(wish), self.known)
            out = keeping_out(standing, wish.image)
            # What git keeps out is not written, whatever a policy says that has not heard of it yet.
            image = instead_of(out, wish.image) if out else wish.image
            if image is None:
                continue
            went_back = out or next((one for one in reversed(standing) if one.went_back_to(image)), None)
            if not self.rollbacks.takes(went_back):
                continue
            self.images[key] = image
            if went_back:
                held[key] = standing
                self.rolled_back[key] = went_back
        return held

    def _edited(self, path: str, text: str, held: Mapping[str, list[KeptOut]]) -> Edited:
        try:
            return write_images(text, self.images, held)
        except InvalidError as error:
            # One odd file does not keep the others from their images.
            self.unsupported.append(f"{path}: {error}")
            return Edited(text=text, changes=())


def _marks(policy: str, texts: Mapping[str, str]) -> bool:
    return any(f'"{policy}"' in text or f'"{policy}:' in text for text in texts.values())


def _rollback_message(rolled_back: Mapping[str, KeptOut]) -> str:
    each = list({str(one.image): one for one in rolled_back.values()}.values())
    said = ", ".join(f"{one.image.short} to {one.back_to.tag or one.back_to}" for one in each if one.back_to)
    why = "\n".join(f"{one.image}: {one.why}" for one in each if one.why)
    return f"Roll back {said}" + (f"\n\n{why}" if why else "")


async def _signer(wired: Connections, automation: ImageUpdateAutomation) -> Signer | None:
    key = automation.spec.git.commit.signing_key
    if key is None:
        return None
    return signer_for(key.type, await wired.cluster.get(SECRET, key.secret_ref.name, automation.namespace))


async def write_status(automation: ImageUpdateAutomation, body: Body) -> None:
    """Say on the automation how its run went."""
    # It was deleted meanwhile: nobody is left to read the reason.
    with contextlib.suppress(NotFoundError):
        await connections().cluster.patch(
            IMAGE_UPDATE_AUTOMATION, automation.name, automation.namespace, body, subresource="status"
        )


def now() -> datetime:
    """The moment, with a time zone."""
    return datetime.fromtimestamp(time.time(), UTC)
