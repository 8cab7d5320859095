"""The flag service of the demo: a stand-in for Flipt on the lab's bridge, where sluice and the pods of the shop ask it."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import Any

import httpx

from lab import ports
from lab.machine.network import NODE_ADDRESS
from lab.paths import LabPaths
from lab.processes import keeper
from lab.processes.child import Child

TOKEN = "flipt-token-of-the-lab"  # noqa: S105  # it opens nothing but the stand-in
ADDRESS = f"http://{NODE_ADDRESS}:{ports.FLAGS}"
NEW, DONE = "new-checkout", "one-page-checkout"
"""The flag of the release's new feature; and the flag that everybody has, and no longer needs."""
CACHE_S = 1.0
"""Seconds for which the shop evaluates its flag as it was."""
READY_S, ANSWER_S, POLL_S = 20, 5, 0.05


class Flags:
    """The service, with both flags on for everybody."""

    def __init__(self) -> None:
        self._http = httpx.Client(base_url=ADDRESS, timeout=ANSWER_S, trust_env=False)
        self._http.headers["Authorization"] = f"Bearer {TOKEN}"

    @classmethod
    def started(cls, places: LabPaths, ending: contextlib.ExitStack) -> Flags:
        """A service that answers; it is ended with the demo."""
        state = places.data / "standins"
        command = [sys.executable, "-m", "lab.standins.flags", "--host", NODE_ADDRESS, "--port", str(ports.FLAGS)]
        command += ["--state-dir", str(state), "--token", TOKEN]
        mark = keeper.mark(places.checkout)
        child = Child.started("flag service", command, places.logs / "flags.log", mark, folder=places.checkout)
        ending.callback(child.stop)
        flags = cls()
        ending.callback(flags._http.close)
        child.wait_until(flags._answers, READY_S, "serving")
        known = [{"key": key, "name": key, "type": "BOOLEAN_FLAG_TYPE", "enabled": True} for key in (NEW, DONE)]
        flags._http.put("/-/flags/default/default", json={"version": "1.4", "flags": known}).raise_for_status()
        return flags

    def on(self, key: str) -> bool:
        """Whether a user gets it, as an application asks."""
        asked = {"namespaceKey": "default", "flagKey": key, "entityId": "everybody", "context": {}}
        answer = self._http.post("/evaluate/v1/boolean", json=asked)
        return bool(answer.raise_for_status().json()["enabled"])

    def archived(self, key: str) -> bool:
        """Whether it is marked as archived."""
        answer = self._http.get(f"/api/v1/namespaces/default/flags/{key}").raise_for_status().json()
        return str((answer.get("metadata") or {}).get("archived")).lower() == "true"

    def off_at(self, key: str, until: float) -> float | None:
        """When nobody got it any more, seconds since the epoch; nothing where somebody still does by then."""
        while time.time() < until:
            if not self.on(key):
                return time.time()
            time.sleep(POLL_S)
        return None

    def _answers(self) -> bool:
        try:
            return self._http.get("/-/calls").status_code == 200
        except httpx.HTTPError:
            return False


def in_environment() -> list[dict[str, Any]]:
    """The variables by which the shop finds its flag."""
    named = {"FLAG": NEW, "FLAG_URL": ADDRESS, "FLAG_TOKEN": TOKEN, "FLAG_CACHE_MS": str(int(CACHE_S * 1000))}
    return [{"name": name, "value": value} for name, value in named.items()]
