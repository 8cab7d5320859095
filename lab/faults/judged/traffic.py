"""The laws about where users are: shares, and the pods behind them. Pure; order is the cluster's own, by resourceVersion."""

from __future__ import annotations

from collections.abc import Iterator

from lab.faults.applications.base import CANARY, PRIMARY
from lab.faults.applications.parts import offered
from lab.faults.judged.cases import HARMS_USERS, Case
from lab.faults.judged.evidence import Evidence, Law, Violation
from lab.faults.judged.history import History


def weights_sum_to_100(seen: Evidence, case: Case) -> Iterator[Violation]:
    """The weights of a route always sum to 100."""
    for moment in seen.history.of(*case.route, case.since):
        weights = moment.facts.get("weights", {})
        if (
            moment.facts
            and not case.by_hand(moment.at)
            and (sum(weights.values()) != 100 or set(weights) != {PRIMARY, CANARY})
        ):
            yield Violation("weights sum to 100", case.app, f"weights {weights}", moment.at)


def traffic_goes_to_ready_versions(seen: Evidence, case: Case) -> Iterator[Violation]:
    """Where a weight rises, the pods behind it are ready at that moment in the cluster's order."""
    if case.hit_by(HARMS_USERS):
        return  # pods that the fault itself has taken away
    before = seen.history.at(*case.route, case.since).get("weights", {})
    for moment in seen.history.of(*case.route, case.since):
        weights = moment.facts.get("weights", {})
        for half, weight in weights.items():
            rises = weight > before.get(half, 0) and not case.by_hand(moment.at)
            if rises and not case.shape.route.ready(seen.history, case.app, half, moment.version):
                said = f"{half} goes from {before.get(half, 0)} to {weight} without a ready pod"
                yield Violation("traffic goes to ready versions only", case.app, said, moment.at)
        before = weights


def traffic_goes_to_the_judged_version(seen: Evidence, case: Case) -> Iterator[Violation]:
    """Where the canary's weight rises, all pods behind it run the template that its target had when it was frozen."""
    if case.hit_by(HARMS_USERS):
        return
    before = seen.history.at(*case.route, case.since).get("weights", {}).get(CANARY, 0)
    for moment in seen.history.of(*case.route, case.since):
        weight = moment.facts.get("weights", {}).get(CANARY, 0)
        wanted, found = (
            _frozen_at(seen, case, moment.version),
            _behind(seen, case, f"{case.app}-{CANARY}", moment.version),
        )
        if weight > before and found - {wanted} and not case.by_hand(moment.at):
            said = f"the canary goes from {before} to {weight} with pods of {', '.join(sorted(found))} for {wanted}"
            yield Violation("traffic goes to the judged version only", case.app, said, moment.at)
        before = weight


def shares_are_those_of_the_strategy(seen: Evidence, case: Case) -> Iterator[Violation]:
    """The canary has a share that its strategy knows; all users are its only while its journal says Promoting."""
    law, before = "shares are those of the strategy", seen.history.at(*case.route, case.since).get("weights", {})
    for moment in seen.history.of(*case.route, case.since):
        weights = moment.facts.get("weights", {})
        share = weights.get(CANARY, 0)
        if share not in case.shape.strategy.shares | {0, 100}:
            yield Violation(law, case.app, f"the canary has {share} %", moment.at)
        phase = seen.history.at("canaries", case.app, moment.version).get("phase", "")
        if share == 100 > before.get(CANARY, 0) and phase != "Promoting":
            said = f"the canary goes from {before.get(CANARY, 0)} to 100 while the journal says {phase or 'nothing'}"
            yield Violation(law, case.app, said, moment.at)
        before = weights


def users_are_on_ready_pods_of_the_primary_or_the_judged(seen: Evidence, case: Case) -> Iterator[Violation]:
    """A Service that users are at offers a ready pod at any time, and of the target's pods only those that were judged."""
    if case.hit_by(HARMS_USERS):
        return
    law, history = "users are on ready pods of the primary or of the judged revision", seen.history
    slices = [name for name in history.names("endpointslices") if _belongs(history, name, case)]
    moments = [one for name in slices for one in history.of("endpointslices", name, case.since)]
    for moment in sorted(moments, key=lambda one: one.version):
        if case.by_hand(moment.at):
            continue
        weights = history.at(*case.route, moment.version).get("weights", {})
        for service in case.shape.route.users_at(case.app, weights) if weights else ():
            if not offered(history, service, moment.version):
                yield Violation(law, case.app, f"users are at {service}, which offers no ready pod", moment.at)
            wanted, found = _frozen_at(seen, case, moment.version), _behind(seen, case, service, moment.version)
            if found - {wanted}:
                said = f"users are at {service} with pods of {', '.join(sorted(found))} for {wanted}"
                yield Violation(law, case.app, said, moment.at)


def _belongs(history: History, name: str, case: Case) -> bool:
    mine = {case.app, f"{case.app}-{PRIMARY}", f"{case.app}-{CANARY}"}
    return any(one.facts.get("service") in mine for one in history.of("endpointslices", name))


def _frozen_at(seen: Evidence, case: Case, version: int) -> str:
    """The tag that the target had when it was frozen; its newest one where it is not."""
    tag, frozen = "", False
    for moment in seen.history.of(*case.target):
        if moment.version > version:
            break
        if moment.facts and not (frozen and moment.facts["frozen"]):
            tag = moment.facts["tag"]
        frozen = moment.facts.get("frozen", False)
    return tag


def _behind(seen: Evidence, case: Case, service: str, version: int) -> set[str]:
    """The tags of the target's pods that a Service offers."""
    addresses = offered(seen.history, service, version)
    pods = (seen.history.at("pods", name, version) for name in seen.history.names("pods"))
    return {pod["tag"] for pod in pods if pod and pod["app"] == case.app and pod["address"] in addresses}


LAWS: tuple[Law, ...] = (
    weights_sum_to_100,
    traffic_goes_to_ready_versions,
    traffic_goes_to_the_judged_version,
    shares_are_those_of_the_strategy,
    users_are_on_ready_pods_of_the_primary_or_the_judged,
)
