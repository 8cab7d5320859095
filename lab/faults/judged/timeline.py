"""Tells what happened to one Canary, line by line: what a person needs to understand a broken law."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lab.faults.judged.cases import Case
from lab.faults.judged.history import Facts, History, Moment
from lab.faults.proxies.proxy import Write

LEFT_OUT = {"renew lease"}


def timeline(history: History, writes: Sequence[Write], log: Sequence[tuple[float, str]], case: Case) -> list[str]:
    """Everything that was seen of a case, in the order of time."""
    lines = [(case.began, f"released {', then '.join(case.tags)} ({case.release.story}), before it {case.old}")]
    lines += [(hit.at, f"*** hit by {hit.kind} {hit.boundary} in phase {hit.phase}") for hit in case.hits]
    lines += [(hit.until, f"*** {hit.kind} is over") for hit in case.hits if hit.until]
    lines += [(at, f"--- {said}") for at, said in log]
    for place in (("canaries", case.app), case.route, case.target, case.primary):
        lines += _changes(history.of(*place, case.since), history.at(*place, case.since))
    for name in history.names("pods"):
        moments = history.of("pods", name, case.since)
        if any(one.facts.get("app") in {case.app, f"{case.app}-primary"} for one in moments):
            lines += _changes(moments, history.at("pods", name, case.since))
    lines += [(one.done, _line(one)) for one in writes if one.act.canary == case.app and one.act.what not in LEFT_OUT]
    failed = [one for one in case.answers if one.failed]
    lines += [
        (one.at, f"a user's request failed: {one.version or 'nobody'} {one.status} {one.error}") for one in failed[:5]
    ]
    if case.ended:
        lines.append((case.ended, "the rollout has ended"))
    return [f"{clock(at)} {said}" for at, said in sorted(lines)]


def _changes(moments: Sequence[Moment], before: Facts) -> list[tuple[float, str]]:
    lines = []
    for moment in moments:
        changed = {key: value for key, value in moment.facts.items() if before.get(key) != value}
        said = ", ".join(f"{key} {value}" for key, value in changed.items()) if moment.facts else "gone"
        lines.append((moment.at, f"[{moment.version}] {moment.plural}/{moment.name}: {said}"))
        before = moment.facts
    return lines


def _line(write: Write) -> str:
    took = f" after {write.done - write.at:.1f} s" if write.done - write.at > 0.5 else ""
    lost = "" if write.answered else ", the answer was lost"
    return f"    {write.client}.{write.life} {write.run[-6:]} {write.act.what}: {write.status} [{write.version}]{took}{lost}"


def clock(at: float) -> str:
    """The time of day, to the millisecond."""
    return datetime.fromtimestamp(at).strftime("%H:%M:%S.%f")[:-3]
