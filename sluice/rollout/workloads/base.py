"""What every kind of workload can be given in a release, and what can be read of it.

A workload is an object that a Canary's `targetRef` names, its primary or its baseline, as the API server holds it. All rules
here are pure: what is to be written is returned as a JSON merge patch (RFC 7396), None where nothing has to be written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from sluice.manifests.flagger.canary import Canary
from sluice.rollout.revision import OLDER_RULES, Rule, revision_of

Object = dict[str, Any]


class Writes(Protocol):
    """What a workload of one kind is given."""

    def plain(self, workload: Object) -> Object:
        """The spec as its users wrote it, a new object: without what a release sets while it is under way or at rest.

        Raises:
            InvalidError: a workload that is set up like this one cannot be released; the message names the field.
        """

    def scaled(self, workload: Object, pods: int) -> Object | None:
        """The patch that gives it so many pods, or none for 0. A kind whose pods the nodes count has them all or none."""

    def frozen(self, workload: Object) -> Object | None:
        """The patch after which its pods stay what they are, whatever template is written."""

    def thawed(self, workload: Object) -> Object | None:
        """The patch after which its pods follow its template again, in the way that its users wrote."""

    def yielding(self, manifest: Object, live: Object, manager: str) -> Object:
        """A manifest that is about to be applied to it, changed so that what a release has set in `live` stays.

        Args:
            manager: the field manager that applies it.
        """


class Reads(Protocol):
    """What is read of a workload of one kind."""

    def revision(self, workload: Object, rule: Rule = revision_of) -> str:
        """Hash of what its users wrote of its pods: the same at rest, under way and frozen.

        A journal may know this revision by another hash: ask `Workload.revision` where one is compared with it.
        """

    def pods(self, workload: Object) -> int:
        """How many pods it wants to have now."""

    def ready(self, workload: Object, share: int = 100) -> bool:
        """Whether its controller has seen the last change and at least `share` percent of the wanted pods are new and ready.

        While pods of an older template are there, nobody can tell from the counts whose pods are ready. One that is at rest
        is never ready.
        """

    def rolled_over(self, workload: Object) -> bool:
        """Whether only pods of the newest template are left and all of them serve."""

    def ends_early(self, workload: Object) -> bool:
        """Whether its update may end old pods before new ones serve: then requests on their way need time to finish."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One kind of workload: where the API server has it, and its rules."""

    api_version: str
    kind: str
    plural: str
    writes: Writes
    reads: Reads

    def revision(self, canary: Canary, target: Object) -> str:
        """The revision that a Canary's target holds, by the name that its journal has for it.

        A target that nobody has written since the journal remembered it is at that revision, whatever a newer API server, or
        the other one of two, fills in when it reads it. One that was written is known by its hash, and by the hashes that
        older versions of sluice had of it.
        """
        status, meta = canary.status, target["metadata"]
        tracked = status.tracked_target
        if tracked and (tracked.uid, tracked.generation) == (meta.get("uid"), meta.get("generation")):
            return tracked.revision
        names, known = self.names(target), {status.last_promoted_spec, status.last_applied_spec}
        return next((name for name in names if name in known), names[0])

    def names(self, item: Object) -> tuple[str, ...]:
        """The hashes by which a journal may know an object's revision, today's first."""
        return (self.reads.revision(item), *(self.reads.revision(item, rule) for rule in OLDER_RULES))

    def tracked(self, canary: Canary, target: Object) -> Object:
        """What the journal remembers of a target, for `revision`."""
        meta = target["metadata"]
        revision = self.revision(canary, target)
        return {"uid": meta.get("uid", ""), "generation": meta.get("generation", 0), "revision": revision}


def has_pods(workload: Workload, now: Object, pods: int) -> bool:
    """Whether a workload wants at least so many pods: what an autoscaler has added to them is not taken away."""
    if workload.writes.scaled(now, pods) is None:
        return True
    return workload.writes.scaled(now, 0) is not None and workload.reads.pods(now) >= pods


def together(*patches: Object | None) -> Object | None:
    """One patch that does what all of them do, the later one where two name a field; None where there is nothing to do."""
    result: Object = {}
    for patch in patches:
        for key, value in (patch or {}).items():
            inner = result.get(key)
            both = isinstance(inner, dict) and isinstance(value, dict)
            result[key] = together(inner, value) if both else value
    return result or None


def merged(base: Object, patch: Object) -> Object:
    """An object after a JSON merge patch: null takes a field away, a list is replaced. Neither of the two is changed."""
    result = dict(base)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            inner = result.get(key)
            result[key] = merged(inner if isinstance(inner, dict) else {}, value)
        else:
            result[key] = value
    return result
