"""Writes down when routes and Canaries changed: a process of its own, so that nothing else delays its clock.

python -m bench.scale.recorder --kubeconfig FILE --prefix NAMESPACES --out FILE

One JSON line a change. Routes: `w` the canary's weight, `g` the route's generation, `a` the generation that its Gateway's
controller has accepted. Canaries: `p` phase, `f` failed checks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import aiohttp

from lab.api.access import Access
from lab.api.client import Api, Refused

Object = dict[str, Any]
ROUTES = "/apis/gateway.networking.k8s.io/v1/httproutes"
CANARIES = "/apis/flagger.app/v1beta1/canaries"


def of_route(route: Object) -> Object:
    """What is kept of a route."""
    weights = {
        backend["name"]: backend.get("weight", 1)
        for rule in route["spec"].get("rules", [])
        for backend in rule.get("backendRefs", [])
    }
    accepted = [
        condition.get("observedGeneration", 0)
        for parent in route.get("status", {}).get("parents", [])
        for condition in parent.get("conditions", [])
        if condition["type"] == "Accepted" and condition["status"] == "True"
    ]
    weight = weights.get(f"{route['metadata']['name']}-canary", 0)
    return {"k": "route", "w": weight, "g": route["metadata"]["generation"], "a": min(accepted, default=0)}


def of_canary(canary: Object) -> Object:
    """What is kept of a Canary."""
    status = canary.get("status", {})
    return {"k": "canary", "p": status.get("phase", ""), "f": status.get("failedChecks", 0)}


async def record(api: Api, path: str, prefix: str, kept: Callable[[Object], Object], out: TextIO) -> None:
    """Write every change of one kind, for ever; a watch that ends is begun again."""
    last: dict[str, Object] = {}
    while True:
        try:
            async for kind, item in api.watch(path):
                now = time.time()
                meta = item.get("metadata", {})
                if kind not in {"ADDED", "MODIFIED"} or not meta["namespace"].startswith(prefix):
                    continue
                name = f"{meta['namespace']}/{meta['name']}"
                line = kept(item)
                if last.get(name) != line:
                    last[name] = line
                    out.write(json.dumps({"t": now, "n": name, **line}) + "\n")
                    out.flush()
        except (aiohttp.ClientError, OSError, Refused) as error:
            print(f"{path}: {error!r}", file=sys.stderr, flush=True)
            await asyncio.sleep(0.2)


async def main() -> None:
    """Record until ended by a signal."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--prefix", required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    async with Api(Access.of(asked.kubeconfig)) as api, asyncio.TaskGroup() as group:
        with asked.out.open("w") as out:
            routes = group.create_task(record(api, ROUTES, asked.prefix, of_route, out))
            canaries = group.create_task(record(api, CANARIES, asked.prefix, of_canary, out))
            await asyncio.gather(routes, canaries)


if __name__ == "__main__":
    asyncio.run(main())
