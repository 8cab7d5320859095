"""HorizontalPodAutoscalers."""

from __future__ import annotations

from sluice.sync.health.base import READY, Health, Object, broken, condition, working

STUCK = {"FailedGetScale", "InvalidSelector", "AmbiguousSelector"}


def health(item: Object) -> Health:
    """It can scale its target. Without metrics it waits: they come with the pods."""
    able, reason, message = condition(item, "AbleToScale")
    if able == "False" and reason in STUCK:
        return broken(message or reason)
    if able == "False":
        return working(message or reason)
    active, reason, message = condition(item, "ScalingActive")
    # Scaled to 0 on purpose: its controller rests.
    if active == "False" and reason != "ScalingDisabled":
        return working(message or reason)
    return READY
