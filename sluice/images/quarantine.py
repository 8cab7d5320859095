"""Versions that were rolled back and stay out: what no image policy chooses until a person says so, or its tag moves.

They are kept as lines of text, in an annotation of the ImagePolicy and in a file of the repository that its images are
written to. People read them, git merges them, and an empty cluster has them again from git.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from sluice.images.reference import ImageRef, same_repository
from sluice.manifests.flux.image_policy import ImagePolicy

ANNOTATION = "sluice.dev/quarantine"
"""Of an ImagePolicy: the versions that it does not choose."""
RELEASE = "sluice.dev/release"
"""Of an ImagePolicy: a person lets a version in again, by its tag or digest; `*` for all of them."""
FILE = ".sluice/quarantine"
"""In the repository, below `spec.update.path`."""
HEAD = (
    "# Versions that were rolled back, and what runs instead. No image policy chooses them again.\n"
    f"# To let one in: kubectl annotate imagepolicy NAME {RELEASE}=TAG\n"
)
_ARROW, _WHY = " -> ", "  # "


class KeptOut(BaseModel):
    """A version that was rolled back.

    Attributes:
        image: that was rolled back, with its digest where that is known.
        back_to: what ran before, and runs; None where that is another image.
        why: one line for people.
    """

    model_config = ConfigDict(frozen=True)
    image: ImageRef
    back_to: ImageRef | None = None
    why: str = ""

    def __str__(self) -> str:
        arrow = f"{_ARROW}{self.back_to}" if self.back_to else ""
        why = " ".join(self.why.split())
        return f"{self.image}{arrow}{_WHY}{why}" if why else f"{self.image}{arrow}"

    def is_(self, image: ImageRef) -> bool:
        """Whether an image is this one: by its digest where both are known, else by its tag."""
        if not same_repository(self.image.name, image.name):
            return False
        if self.image.digest and image.digest:
            return self.image.digest == image.digest
        return bool(image.tag) and self.image.tag == image.tag

    def went_back_to(self, image: ImageRef) -> bool:
        """Whether an image is what runs instead."""
        return self.back_to is not None and KeptOut(image=self.back_to).is_(image)


def read(text: str) -> list[KeptOut]:
    """The versions in an annotation or a file. Lines that are none are left out."""
    found = []
    for line in text.splitlines():
        named, _, why = line.partition("#")
        image, _, back_to = named.strip().partition(_ARROW.strip())
        rolled_back, instead = _reference(image.strip()), _reference(back_to.strip())
        if rolled_back:
            found.append(KeptOut(image=rolled_back, back_to=instead, why=why.strip()))
    return found


def written(entries: Iterable[KeptOut]) -> str:
    """The versions as an annotation has them."""
    return "".join(f"{one}\n" for one in entries)


def together(*lists: Iterable[KeptOut]) -> list[KeptOut]:
    """Each version once."""
    found: dict[str, KeptOut] = {}
    for one in (one for entries in lists for one in entries):
        found.setdefault(str(one.image), one)
    return list(found.values())


def keeping_out(entries: Iterable[KeptOut], image: ImageRef) -> KeptOut | None:
    """What keeps an image out; None where nothing does."""
    return next((one for one in entries if one.is_(image)), None)


def kept_out(policy: ImagePolicy) -> list[KeptOut]:
    """The versions that a policy does not choose, without those that a person has let in."""
    notes = policy.metadata.annotations
    wish = notes.get(RELEASE, "")
    return [one for one in read(notes.get(ANNOTATION, "")) if not released(one, wish)]


def instead_of(out: KeptOut, image: ImageRef) -> ImageRef | None:
    """What runs instead of an image that stays out, named as the policy names images; None where that is not known."""
    if out.back_to is None:
        return None
    return out.back_to.model_copy(update={"name": image.name, "digest": out.back_to.digest if image.digest else ""})


def released(one: KeptOut, wish: str) -> bool:
    """Whether a person's word lets a version in: its tag, its digest, the whole image, or `*`."""
    words = wish.replace(",", " ").split()
    return bool({"*", one.image.tag, one.image.digest, str(one.image)} & set(words) - {""})


def edited(text: str, add: Iterable[KeptOut], drop: Iterable[KeptOut]) -> str:
    """A file with more versions and without others; every other line stays as it is.

    Args:
        text: of the file; empty where there is none.
        add: what must be in it.
        drop: what a person has let in.
    """
    gone = {str(one.image) for one in drop}
    kept = [line for line in text.splitlines(keepends=True) if not ({str(one.image) for one in read(line)} & gone)]
    there = {str(one.image) for one in read("".join(kept))}
    new = [one for one in add if str(one.image) not in there | gone]
    if not new:
        return "".join(kept)
    body = "".join(kept) or HEAD
    return body + ("" if body.endswith("\n") else "\n") + written(new)


def _reference(text: str) -> ImageRef | None:
    name, _, digest = text.partition("@")
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    if not last or not (tag or digest) or " " in text:
        return None
    return ImageRef(name=f"{head}{slash}{last}", tag=tag, digest=digest)


def reference(text: str) -> ImageRef | None:
    """An image as a pod template names it, in its parts; None where it names neither tag nor digest."""
    return _reference(text.strip())


def of_template(rolled_back: Mapping[str, str], runs: Mapping[str, str], why: str) -> list[KeptOut]:
    """The images that a rolled back pod template has and the one that runs has not.

    Args:
        rolled_back: name of each container → its image.
        runs: of the template that runs.
        why: one line for people.
    """
    found = []
    for name, text in rolled_back.items():
        image, before = reference(text), reference(runs.get(name, ""))
        if image is None or image == before:
            continue
        same = before is not None and same_repository(image.name, before.name)
        found.append(KeptOut(image=image, back_to=before if same else None, why=why))
    return found


def containers(workload: Mapping[str, Any]) -> dict[str, str]:
    """Name of each container of a workload's pods → its image."""
    spec = workload["spec"]["template"]["spec"]
    each = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    return {str(one.get("name")): str(one.get("image", "")) for one in each}
