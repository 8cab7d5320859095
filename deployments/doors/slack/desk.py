"""Decides what becomes of a press or a command: who it was, whether they may, and whether it is still about something.

All that is refused is recorded as what is granted is, and the person hears why. What is granted is one record, by which
the run of the release acts; nothing else is done from here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from blocks.chat.slack_people import SlackPeople
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import CANARY, GATE
from deployments.doors.slack.journal import THROUGH, Trail
from deployments.doors.slack.requests import Asking
from sluice.errors import ForbiddenError, InvalidError, NotFoundError, SluiceError, UnverifiedError
from sluice.gates.answering.buttons import Button, Seal
from sluice.gates.answering.commands import Command, command
from sluice.gates.answering.freezing import EVERYTHING
from sluice.gates.answering.records import stamp
from sluice.gates.answering.rights import ANSWERS, Operators, Person, may_ask, not_asked, not_under_way, too_late
from sluice.gates.answering.sentences import granted, how_it_is
from sluice.gates.approval import IN_CHAT
from sluice.gates.asked_for import ALL_GATES
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.audit_record import Act, AuditRecordSpec
from sluice.manifests.own.gate import Gate
from tasks.people.asking.freezing import freeze, thaw

REPLAYED = "this very request was here before"
OF_NAMESPACES = frozenset({Act.FREEZE, Act.UNFREEZE})
"""What is about all releases of a namespace, or about everything."""
ONCE = ANSWERS | {Act.ABORT, Act.PROMOTE}
"""What a person says once to a try of a revision."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where presses and commands are decided.

    Attributes:
        cluster: with Canaries and Gates.
        people: who somebody of Slack is.
        trail: what is written.
        seal: of the buttons.
        operators: who may do more than stop a release.
    """

    cluster: Cluster
    people: SlackPeople
    trail: Trail
    seal: Seal
    operators: Operators = field(default_factory=Operators)

    async def press(self, asking: Asking, *, replayed: bool = False) -> str:
        """The answer to the person who pressed a button."""
        try:
            button = self.seal.opened(asking.text)
            if button.act != asking.word:
                raise UnverifiedError(f"the button says {asking.word} and means {button.act}")
        except UnverifiedError as error:
            spec = self._spec(Act.REFUSED, Person(f"{IN_CHAT}{asking.user}"), "*")
            await self.trail.refuse("", spec, str(error), asking.text)
            return f"Refused: {error}"
        canary = await self._canary(button.namespace, button.canary)
        gate = await self._gate(button.gate) if button.gate else None
        person, why = await self._person(asking, [gate] if gate else [])
        why = why or (REPLAYED if replayed else "") or too_late(button, canary, self.trail.now())
        if not why and canary is not None and button.gate:
            why = not_asked(canary, gate, button.gate, button.point, button.gate_uid)
        why = why or may_ask(button.act, person, [gate] if gate else [], self.operators)
        of = {"revision": button.revision, "gate": button.gate, "point": button.point, "reason": asking.reason}
        spec = self._spec(button.act, person, button.canary, canary, **of)
        if why:
            await self.trail.refuse(button.namespace, spec, why, f"{button.key}\0{why}")
            return f"Refused: {why}"
        new = await self.trail.grant(button.namespace, spec, self._key(button, asking))
        return granted(spec, button.namespace, new=new)

    async def write(self, asking: Asking, *, replayed: bool = False) -> str:
        """The answer to the person who wrote a command."""
        try:
            wanted = command(asking.text)
            person, why = await self._person(asking, [])
            if wanted.act in OF_NAMESPACES:
                return await self._freezing(wanted, person, why or (REPLAYED if replayed else ""), asking)
            canary = None if why else await self._named(wanted)
        except (InvalidError, NotFoundError) as error:
            return str(error)
        if why or canary is None:
            return await self._refused(wanted, person, None, why, asking)
        if wanted.act is None:
            return how_it_is(canary)
        if replayed:
            return await self._refused(wanted, person, canary, REPLAYED, asking)
        why = not_under_way(wanted.act, canary)
        if why:
            return await self._refused(wanted, person, canary, why, asking)
        return await self._asked(wanted, canary, asking)

    async def _freezing(self, wanted: Command, person: Person, why: str, asking: Asking) -> str:
        """Freeze or thaw the releases of a namespace, or everything."""
        act = wanted.act or Act.REFUSED
        why = why or may_ask(act, person, [], self.operators)
        if wanted.namespace:
            why = why or f"{act} is about a namespace, or about everything: write {act} {wanted.namespace}"
        if why:
            return await self._refused(wanted, person, None, why, asking)
        namespace = "" if wanted.canary == EVERYTHING else wanted.canary
        if act is Act.UNFREEZE:
            said = thaw(self.cluster, self.trail.home, namespace, person.name, through=THROUGH, reason=wanted.reason)
        else:
            said = freeze(self.cluster, self.trail.home, namespace, person.name, wanted.reason, through=THROUGH)
        return await said

    async def _asked(self, wanted: Command, canary: Canary, asking: Asking) -> str:
        """Ask a release for something, or each of the Gates that are meant."""
        assert wanted.act is not None  # noqa: S101 - a look asks for nothing
        keys = self._keys(wanted, canary) if wanted.gate else [""]
        if not keys:
            why = f"no gate of {canary} waits for an approval"
            return await self._refused(wanted, (await self._person(asking, []))[0], canary, why, asking)
        lines = [await self._one(wanted, key, canary, asking) for key in keys]
        return "\n".join(lines)

    async def _one(self, wanted: Command, key: str, canary: Canary, asking: Asking) -> str:
        act = wanted.act or Act.REFUSED
        gate = await self._gate(key) if act in ANSWERS else None
        person, why = await self._person(asking, [gate] if gate else [])
        if act in ANSWERS:
            why = why or not_asked(canary, gate, key)
        why = why or may_ask(act, person, [gate] if gate else [], self.operators)
        status = canary.status
        if why:
            return await self._refused(replace(wanted, gate=key), person, canary, why, asking)
        of = {"revision": status.last_applied_spec, "gate": key, "reason": wanted.reason}
        spec = self._spec(act, person, canary.name, canary, **of)
        begun = status.begun_with.heard if status.begun_with else 0
        uid = gate.metadata.uid if gate else ""
        button = Button(act, canary.namespace, canary.name, canary.metadata.uid, spec.revision, begun, 0, key, uid)
        new = await self.trail.grant(canary.namespace, spec, self._key(button, asking))
        return granted(spec, canary.namespace, new=new)

    async def _refused(self, wanted: Command, person: Person, canary: Canary | None, why: str, asking: Asking) -> str:
        act = wanted.act or Act.REFUSED
        revision = canary.status.last_applied_spec if canary else ""
        given = {"revision": revision, "gate": wanted.gate, "reason": wanted.reason}
        spec = self._spec(act, person, canary.name if canary else wanted.canary, canary, **given)
        await self.trail.refuse(canary.namespace if canary else "", spec, why, f"{asking.text}\0{why}")
        return f"Refused: {why}"

    async def _person(self, asking: Asking, gates: Sequence[Gate]) -> tuple[Person, str]:
        """Who it was; or a name that is good for the record alone, and why they may nothing."""
        wanted = {group for gate in gates if gate.spec.approval for group in gate.spec.approval.groups}
        try:
            return await self.people.person(asking.user, asking.team, wanted | set(self.operators.groups)), ""
        except ForbiddenError as error:
            return Person(f"{IN_CHAT}{asking.user}"), str(error)

    def _spec(self, act: Act, person: Person, name: str, canary: Canary | None = None, **of: str) -> AuditRecordSpec:
        begun = canary.status.begun_with if canary else None
        return AuditRecordSpec(
            act=act,
            by=person.name,
            groups=person.groups,
            through=THROUGH,
            canary=name,
            version=begun.version if begun else "",
            at=stamp(self.trail.now()),
            **of,
        )

    @staticmethod
    def _key(button: Button, asking: Asking) -> str:
        """What is said once to a try of a revision is one record; else each press and each command is one."""
        if button.act in ONCE:
            return json.dumps([button.uid, button.begun, button.gate_uid])
        return asking.trigger

    def _keys(self, wanted: Command, canary: Canary) -> list[str]:
        """The Gates that a command means, by `namespace/name`."""
        if wanted.gate == ALL_GATES:
            closed = [one.gate for one in canary.status.gates if not one.open]
            return [ALL_GATES] if wanted.act is Act.OVERRIDE else list(dict.fromkeys(closed))
        if "/" in wanted.gate:
            return [wanted.gate]
        known = [one.gate for one in canary.status.gates if one.gate.partition("/")[2] == wanted.gate]
        return list(dict.fromkeys(known)) or [f"{canary.namespace}/{wanted.gate}"]

    async def _canary(self, namespace: str, name: str) -> Canary | None:
        if self.cluster.namespaces and namespace not in self.cluster.namespaces:
            return None
        found = await self.cluster.find(CANARY, name, namespace)
        return Canary.parse(found) if found else None

    async def _gate(self, key: str) -> Gate | None:
        namespace, _, name = key.partition("/")
        found = await self.cluster.find(GATE, name, namespace) if namespace and name else None
        return Gate.parse(found) if found else None

    async def _named(self, wanted: Command) -> Canary:
        """The Canary of a command.

        Raises:
            NotFoundError: there is none, or one in several namespaces; the message says what to write.
        """
        if wanted.namespace:
            one = await self._canary(wanted.namespace, wanted.canary)
            found = [one] if one else []
        else:
            items = await self.cluster.list(CANARY)
            found = [Canary.parse(item) for item in items if item["metadata"]["name"] == wanted.canary]
        if len(found) == 1:
            return found[0]
        if not found:
            where = f" in namespace {wanted.namespace}" if wanted.namespace else ""
            raise NotFoundError(f"there is no Canary {wanted.canary}{where}: write NAMESPACE/NAME of one that is there")
        names = ", ".join(sorted(f"{one.namespace}/{one.name}" for one in found))
        raise NotFoundError(f"there are several of the name {wanted.canary}: write one of {names}")


def trouble(error: SluiceError) -> str:
    """The answer where nothing could be done."""
    return f"Nothing was done: {error}. Try again in a moment"
