"""Runs releases one after the other, and measures each from the users' side.

The only thing done for a release is to push its image (or, once, to set it on the Deployment, as a person in a hurry
would). Everything after that is sluice's; here it is watched.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from lab.errors import LabError
from lab.load.summary import RequestLog
from lab.product.application import NAME, Application
from lab.product.cluster import ProductCluster, phase, reason
from lab.product.measure import SETTLE_S, Seen, first_traffic, is_settled, numbers
from lab.product.watch import Observer
from lab.progress import say

STEP_S = 10.0
WATCHDOG_S = 300.0
POLL_S = 0.25
UNDER_WAY = frozenset({"Waiting", "Progressing", "WaitingPromotion", "Promoting", "Finalising", "Terminating"})
HOTFIX = "hotfix"


@dataclass(frozen=True)
class Release:
    """An image to push, and what must become of it."""

    minor: int
    variant: str
    meaning: str
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """Everything needed to release and to see what users got."""

    application: Application
    cluster: ProductCluster
    observer: Observer
    users: RequestLog
    slack_url: str
    repository: str
    """Where the application's git repository is."""
    check: Callable[[], None]
    """Raises when something that the measurement needs has ended."""
    where_to_look: str

    def deliver(self, release: Release) -> dict[str, Any]:
        """Push a release's image, wait for its end, and say what it did to users.

        Raises:
            LabError: it did not end in time.
        """
        version = self.application.version(release.minor)
        pushed = self.application.push(version, release.variant)
        self._wait(
            lambda: is_settled(self.seen(version, pushed), time.time()),
            f"the delivery of {NAME}:{version} ({release.meaning}) has not ended",
        )
        measured = numbers(self.seen(version, pushed), STEP_S)
        return {
            "image": f"{NAME}:{version}",
            "meaning": release.meaning,
            "expected": release.verdict,
            "verdict": measured.verdict,
            "reason": self._reason(pushed),
            "pushed_at": pushed,
            "push_to_first_traffic_s": measured.push_to_first_traffic_s,
            "push_to_end_s": measured.push_to_end_s,
            "step_holds_s": measured.step_holds_s,
            "requests": measured.requests,
            "failed_requests": measured.failed_requests,
            "bad_traffic_s": measured.bad_traffic_s,
            "stages": self._stages(version, pushed),
        }

    def change_target(self) -> dict[str, Any]:
        """Set an image on the Deployment and measure until its first traffic, then set the old one again."""
        before = self.cluster.image(NAME)
        self.application.push(HOTFIX, "good")
        # The push is an event too. It must be over with, so that only the change of the target is measured.
        time.sleep(SETTLE_S / 2)
        changed = time.time()
        self.cluster.set_image(NAME, self.application.image(HOTFIX))
        self._wait(
            lambda: first_traffic(self.seen(HOTFIX, changed)) is not None,
            "no user got the image that was set on the Deployment",
        )
        first = first_traffic(self.seen(HOTFIX, changed)) or changed
        stages = self._stages(HOTFIX, changed)
        self.cluster.set_image(NAME, before)
        self._wait(self._is_at_rest, "setting the Deployment back did not end its rollout")
        return {
            "image": f"{NAME}:{HOTFIX}",
            "changed_to_first_traffic_s": round(first - changed, 2),
            "stages": stages,
        }

    def seen(self, version: str, pushed: float) -> Seen:
        """What was noted since a push, of a version."""
        observer = self.observer
        return Seen(version, pushed, self.users.read(), list(observer.route), list(observer.phases))

    def _is_at_rest(self) -> bool:
        route = self.observer.route[-1]
        quiet = time.time() >= route.t + SETTLE_S
        return route.canary == 0 and quiet and phase(self.cluster.canary(NAME)) not in UNDER_WAY

    def _wait(self, done: Callable[[], bool], otherwise: str) -> None:
        give_up = time.monotonic() + WATCHDOG_S
        while not done():
            self.check()
            if time.monotonic() > give_up:
                raise LabError(f"{otherwise} after {WATCHDOG_S:.0f} s: {self._state()}. {self.where_to_look}")
            time.sleep(POLL_S)

    def _state(self) -> str:
        canary = self.cluster.canary(NAME)
        route = self.observer.route[-1] if self.observer.route else None
        weights = f"primary {route.primary}, canary {route.canary}" if route else "no route"
        return f"the Canary is {phase(canary)} ({reason(canary) or 'without a reason'}), the route has {weights}"

    def _reason(self, since: float) -> str:
        """The Canary's own words, or else the last that was said in Slack."""
        return reason(self.cluster.canary(NAME)) or self._last_message(since)

    def _last_message(self, since: float) -> str:
        if not self.slack_url:
            return ""
        try:
            messages = httpx.get(self.slack_url + "/-/messages", timeout=10, trust_env=False).json()
        except httpx.HTTPError as error:
            say(f"the Slack stand-in does not answer: {error}")
            return ""
        said = [one["message"].get("text", "") for one in messages if one.get("changed_at", one["at"]) >= since]
        return str(said[-1]) if said else ""

    def _stages(self, version: str, since: float) -> dict[str, Any]:
        """Where the time went: each instant counts from the push (or the change), each weight is the canary's."""
        observer = self.observer
        tag = f":{version}"

        def after(instants: list[float]) -> float | None:
            return round(min(instants) - since, 2) if instants else None

        return {
            "target_changed_s": after([p.t for p in observer.targets if tag in p.image and p.t >= since]),
            "first_pod_ready_s": after([p.t for p in observer.ready if tag in p.image and p.t >= since]),
            "weights": [[round(p.t - since, 2), p.canary] for p in observer.route if p.t >= since],
            "phases": [[round(p.t - since, 2), p.phase] for p in observer.phases if p.t >= since],
        }
