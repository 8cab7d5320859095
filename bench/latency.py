"""How fast sluice reacts, on the lab under load: from an event to running code, from a change to its first traffic."""

from __future__ import annotations

import contextlib
import statistics
import time
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx

from lab import environment
from lab.paths import LabPaths
from lab.product.setup import set_up

EVENTS, CHANGES = 20, 5
PAUSE_S = 0.7
"""Between two events: each is to find the system at rest."""


def measure(about: dict[str, Any]) -> dict[str, Any]:
    """Seconds: minimum, median, maximum. `about` is called with what machine this is."""
    places = LabPaths()
    with contextlib.ExitStack() as ending:
        measurements = set_up(places, about, ending)
        env = environment.read(places)
        changes = [measurements.change_target()["changed_to_first_traffic_s"] for _ in range(CHANGES)]
        return {
            "registry notification -> flow code running": _spread(_events(env)),
            "target changed -> first canary traffic": _spread(changes),
        }


def _events(env: dict[str, Any]) -> list[float]:
    """Notifications of an image that nobody wants: the shortest delivery there is."""
    api = f"http://127.0.0.1:{env['prefect_port']}/api"
    taken = []
    with httpx.Client(trust_env=False, timeout=10) as http:
        for _ in range(EVENTS):
            tag = uuid4().hex
            pushed = time.time()
            http.post(
                f"http://127.0.0.1:{env['receiver_port']}/registry",
                json={"events": [_pushed(env["registry"], tag)]},
                headers={"Authorization": f"Bearer {env['registry_token']}"},
            ).raise_for_status()
            taken.append(_started(http, api, tag) - pushed)
            time.sleep(PAUSE_S)
    return taken


def _pushed(registry: str, tag: str) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "timestamp": datetime.now().astimezone().isoformat(),
        "action": "push",
        "target": {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": f"sha256:{uuid4().hex * 2}",
            "repository": "nobody-wants-this",
            "tag": tag,
            "url": f"http://{registry}/v2/nobody-wants-this/manifests/x",
        },
        "request": {"id": str(uuid4()), "host": registry, "method": "PUT"},
    }


def _started(http: httpx.Client, api: str, tag: str) -> float:
    """When the flow's code began, by Prefect's record of it, seconds since the epoch."""
    give_up = time.monotonic() + 30
    name = {"flow_runs": {"name": {"like_": tag}}}
    while time.monotonic() < give_up:
        runs = http.post(f"{api}/flow_runs/filter", json=name).json()
        if runs and runs[0]["start_time"]:
            return datetime.fromisoformat(runs[0]["start_time"].replace("Z", "+00:00")).timestamp()
        time.sleep(0.2)
    raise TimeoutError(f"no run for {tag} within 30 s")


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "min_s": round(min(values), 3),
        "median_s": round(statistics.median(values), 3),
        "max_s": round(max(values), 3),
        "n": len(values),
    }
