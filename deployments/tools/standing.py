"""Where releases stand and what they wait for, as lines for people: read from the cluster, with Prefect away too."""

from __future__ import annotations

from collections.abc import Iterable

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import CANARY, GATE
from sluice.errors import InvalidError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.gate import Gate

Lines = list[tuple[str, ...]]
HEAD = ("SERVICE", "PHASE", "VERSION", "WEIGHT", "STEP", "SAYS")
GATES_HEAD = ("GATE", "KIND", "AT", "SERVICE", "VERSION", "SAYS")


def named(service: str, namespace: str = "default") -> tuple[str, str]:
    """Namespace and name of a Canary that a person writes as `NAME.NAMESPACE` or `NAMESPACE/NAME`.

    Raises:
        InvalidError: it names none.
    """
    before, slash, after = service.partition("/")
    if slash:
        found = before, after
    else:
        name, dot, where = service.rpartition(".")
        found = (where, name) if dot else (namespace, service)
    if not all(found):
        raise InvalidError(f"{service!r} names no Canary: write NAME.NAMESPACE, such as shop.test")
    return found


async def canaries(cluster: Cluster, service: str = "") -> list[Canary]:
    """The Canaries that are looked after, or the one that is named.

    Raises:
        NotFoundError: there is none of that name.
    """
    if service:
        namespace, name = named(service)
        return [Canary.parse(await cluster.get(CANARY, name, namespace))]
    return sorted(Canary.valid(await cluster.list(CANARY)), key=lambda one: (one.namespace, one.name))


def standing(found: Iterable[Canary]) -> Lines:
    """One line a Canary."""
    return [
        (
            f"{one.name}.{one.namespace}",
            str(one.status.phase or "new"),
            one.status.begun_with.version if one.status.begun_with else one.status.last_applied_spec,
            f"{one.status.canary_weight} %",
            str(one.status.step + 1) if one.status.begun else "",
            says(one),
        )
        for one in found
    ]


def says(canary: Canary) -> str:
    """What its condition tells people."""
    condition = canary.status.condition("Promoted")
    return condition.message if condition else ""


async def waited_for(cluster: Cluster, found: Iterable[Canary]) -> Lines:
    """One line for each Gate and each release under way that has asked it; one without releases where nobody waits."""
    gates = {gate.key: gate for gate in Gate.valid(await cluster.list(GATE))}
    lines: Lines = []
    for canary in found:
        phase = canary.status.phase
        if phase is None or not phase.in_progress:
            continue
        version = canary.status.begun_with.version if canary.status.begun_with else ""
        for state in canary.status.gates:
            kind = gates[state.gate].spec.gate_kind if state.gate in gates else "gone"
            answer = "open" if state.open else "closed"
            service = f"{canary.name}.{canary.namespace}"
            lines.append((state.gate, kind, state.point, service, version, f"{answer}: {state.said}"))
    idle = [gate for key, gate in gates.items() if key not in {line[0] for line in lines}]
    lines += [(one.key, one.spec.gate_kind, ", ".join(one.spec.at), "", "", "nobody waits") for one in idle]
    return sorted(lines)
