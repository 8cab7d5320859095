"""When a follower of a source is looked at though nothing happened: its interval is over, or its last try failed.

Time is cut into spans of the interval, each source's own way so that they do not all come at once. What is due in a span
is named by the span: however often and from whichever worker it is looked for, it is one event.
"""

from __future__ import annotations

from sluice.manifests.flux.kustomization import Kustomization

LEAST = 60.0
"""Seconds: the look itself comes once a minute."""


def span(interval: float, phase: str, now: float) -> int:
    """The number of the span that `now` is in; it grows by one at the end of each interval.

    Args:
        interval: seconds.
        phase: hexadecimal digits, those of a uid: where in time the spans begin.
        now: seconds.
    """
    interval = max(LEAST, interval)
    shift = int(phase.replace("-", "")[:8] or "0", 16) % interval
    return int((now + shift) // interval)


ELSEWHERE = ("kubeConfig", "decryption", "wait", "healthChecks", "healthCheckExprs")
"""Fields by which an interval may bring something although neither the source nor an object of it has changed."""


def reads_elsewhere(one: Kustomization) -> bool:
    """Whether what it comes to hangs on more than its source and its objects: variables, keys, checks, another cluster."""
    spec = one.spec.model_dump(by_alias=True, exclude_none=True)
    return any(spec.get(name) for name in ELSEWHERE) or bool((spec.get("postBuild") or {}).get("substituteFrom"))
