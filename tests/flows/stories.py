"""What happens to releases on the lab, each story in a namespace of its own, all at the same time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from blocks.connections import connected
from blocks.kubernetes.kinds import CANARY
from lab.load.summary import UserRequest
from tasks.run_signals import RunSignals
from tests.flows.lab_app import App, app, install_kinds, wired
from tests.samples import gate

CHECKOUT = Path(__file__).resolve().parents[2]
NEW = "1.1.0"


@dataclass(frozen=True)
class Told:
    """How a story ended.

    Attributes:
        outcomes: what the runs returned, in order.
        canary: as it was at the end.
        primary: the tag of the primary's image at the end.
        users: what users got from the moment of the new image on.
        extra: what the story itself noted.
    """

    app: App
    outcomes: list[str]
    canary: dict[str, Any]
    primary: str
    users: list[UserRequest]
    extra: dict[str, Any]

    @property
    def status(self) -> dict[str, Any]:
        return dict(self.canary["status"])

    def versions(self) -> set[str]:
        return {request.version for request in self.users} - {""}


Tale = Callable[[App, dict[str, Any]], Awaitable[list[str]]]
Tales = dict[str, tuple[Tale, Callable[[dict[str, Any]], dict[str, Any]]]]
TALES: Tales = {}


def tale(
    spec: Callable[[dict[str, Any]], dict[str, Any]] = lambda env: {}, among: Tales = TALES
) -> Callable[[Tale], Tale]:
    """Register a story; `spec` changes its Canary."""

    def keep(function: Tale) -> Tale:
        among[function.__name__.replace("_", "-")] = (function, spec)
        return function

    return keep


@tale(lambda env: {"analysis": {"mirror": True}, "ingressRef": {"name": "shop", "kind": "Ingress"}})
async def good(it: App, extra: dict[str, Any]) -> list[str]:
    await it.set_image(NEW)
    return [await it.start(), await it.start(), await it.start(revision="of an event that came late")]


@tale(lambda env: {"analysis": {"interval": "30s"}})
async def failing(it: App, extra: dict[str, Any]) -> list[str]:
    """The evidence takes it back, long before a step ends and Flagger's check is made."""
    await it.set_image("1.1.0-bad")
    return [await it.start(), await it.start()]


CLUSTER = "{{ namespace }}_{{ service }}-"
OWN_METRICS = [
    {
        "name": "accepted",
        "thresholdRange": {"min": 99},
        "counted": {
            "series": "envoy_cluster_upstream_rq_xx",
            "label": "envoy_cluster_name",
            "canary": f"{CLUSTER}canary_80",
            "primary": f"{CLUSTER}primary_80",
            "where": {"job": "envoy"},
            "good": {"envoy_response_code_class": "[23]"},
        },
    },
    {"name": "mean-ms", "every": "2s", "templateRef": {"name": "mean-ms"}, "thresholdRange": {"max": 100}},
]


@tale(lambda env: {"analysis": {"interval": "90s", "metrics": OWN_METRICS}})
async def own_metrics(it: App, extra: dict[str, Any]) -> list[str]:
    """Judged by series that the user names and by a gauge; its answers are good, and late."""
    place = f'{{envoy_cluster_name="{CLUSTER}{{{{ side }}}}_80"}}[6s]'
    time, count = (f"sum(rate(envoy_cluster_upstream_rq_time_{one}{place}))" for one in ("sum", "count"))
    spec = {"provider": {"type": "prometheus", "address": it.env["prometheus_url"]}, "query": f"{time} / {count}"}
    template = {"apiVersion": "flagger.app/v1beta1", "kind": "MetricTemplate", "spec": spec}
    await it.cluster.create({**template, "metadata": {"name": "mean-ms", "namespace": it.namespace}})
    await it.set_image("1.1.0-slow")
    return [await it.start()]


@tale(lambda env: {"progressDeadlineSeconds": 15})
async def never_ready(it: App, extra: dict[str, Any]) -> list[str]:
    await it.set_image("1.1.0-never")
    return [await it.start()]


@tale(lambda env: {"analysis": {"interval": "60s"}})
async def cancelled(it: App, extra: dict[str, Any]) -> list[str]:
    await it.set_image(NEW)
    signals = RunSignals()
    run = it.start(signals)
    await it.until_weight(30)
    signals.cancelled = True
    run.cancel()
    with suppress(asyncio.CancelledError):
        return [await run]
    return ["cancelled"]


@tale(lambda env: {"analysis": {"interval": "6s"}})
async def moved(it: App, extra: dict[str, Any]) -> list[str]:
    """The worker leaves in the middle of a step, another one goes on."""
    await it.set_image(NEW)
    signals = RunSignals()
    run = it.start(signals)
    await it.until_weight(60)
    signals.leaving = True
    run.cancel()
    with suppress(asyncio.CancelledError):
        await run
    extra["weight after"] = it.values("weight")[-1]
    extra["phase after"] = it.values("phase")[-1]
    return [await it.start()]


@tale(lambda env: {"analysis": {"interval": "6s"}})
async def killed(it: App, extra: dict[str, Any]) -> list[str]:
    """The worker's process is killed with -9 in the middle of a step, another one goes on."""
    from prefect.settings import PREFECT_API_URL

    await it.set_image(NEW)
    env_file = it.users._path.with_suffix(".env.json")
    env_file.write_text(json.dumps(it.env))
    carrier = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.flows.carry",
        it.namespace,
        str(env_file),
        cwd=CHECKOUT,
        env={**os.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value())},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await it.until_weight(60)
    finally:
        with suppress(ProcessLookupError):
            carrier.send_signal(signal.SIGKILL)
        await carrier.wait()
    extra["phase after"] = it.values("phase")[-1]
    return [await it.start()]


@tale(lambda env: {"analysis": {"interval": "20s"}})
async def superseded(it: App, extra: dict[str, Any]) -> list[str]:
    await it.set_image(NEW)
    first = it.start()
    await it.until_weight(30)
    # The second step would only hold the test up.
    await it.cluster.patch(CANARY, "shop", it.namespace, {"spec": {"analysis": {"interval": "2s"}}})
    await it.set_image("1.2.0")
    second = it.start()
    return [await first, await second]


@tale(lambda env: {"analysis": {"interval": "60s"}})
async def reverted(it: App, extra: dict[str, Any]) -> list[str]:
    await it.set_image(NEW)
    run = it.start()
    await it.until_weight(30)
    await it.set_image("1.0.0")
    return [await run]


@tale(lambda env: {"analysis": {"webhooks": [gate("confirm-rollout", env["gate_url"] + "/gate/check")]}})
async def gated(it: App, extra: dict[str, Any]) -> list[str]:
    await it.set_image(NEW)
    run = it.start()
    await it.until(lambda: "Waiting" in it.values("phase"), "the phase Waiting")
    extra["before the gate"] = [*it.order("weight", "replicas")]
    await ask(it, "gate/open")
    return [await run]


@tale(lambda env: {"analysis": {"webhooks": [gate("pre-rollout", env["gate_url"] + "/e2e")]}})
async def e2e_failing(it: App, extra: dict[str, Any]) -> list[str]:
    await ask(it, "e2e/fail")
    await it.set_image(NEW)
    return [await it.start()]


COMPARED = {"interval": "8s", "threshold": 20, "stepWeights": [30, 50], "earlyFail": False, "comparison": {}}


@tale()
async def beside_a_baseline(it: App, extra: dict[str, Any]) -> list[str]:
    """The comparison is switched on when the route has been there for some time."""
    await it.cluster.patch(CANARY, "shop", it.namespace, {"spec": {"analysis": COMPARED}})
    await it.set_image(NEW)
    return [await it.start()]


@tale(lambda env: {"analysis": COMPARED})
async def worse_than_its_baseline(it: App, extra: dict[str, Any]) -> list[str]:
    """Only the comparison may take it back: the evidence is silent, and the threshold is far away."""
    await it.set_image("1.1.0-bad")
    return [await it.start()]


@tale(lambda env: {"metricsServer": "http://127.0.0.1:9"})
async def blind(it: App, extra: dict[str, Any]) -> list[str]:
    """Prometheus is away: three times the step's length later the step is still held."""
    await it.set_image(NEW)
    signals = RunSignals()
    run = it.start(signals)
    await it.until_weight(30)
    await asyncio.sleep(9)
    extra["weights"] = it.values("weight")
    extra["status"] = (await it.canary())["status"]
    extra["ended"] = run.done()
    await it.set_image("1.0.0")
    return [await run]


async def ask(it: App, path: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{it.env['gate_url']}/{path}", json={"name": "shop", "namespace": it.namespace})
        assert answer.status_code == 202


async def tell_all(
    env: dict[str, Any], folder: Path, names: set[str], among: Tales = TALES
) -> dict[str, Told | Exception]:
    """Tell the named stories at the same time; a story that breaks is told as its exception."""
    told: dict[str, Told | Exception] = {}
    async with wired(env) as connections, wired(env, "observer") as eyes:
        await install_kinds(eyes.cluster)

        async def one(name: str) -> None:
            function, spec = among[name]
            try:
                async with app(env, eyes.cluster, name, folder, spec(env)) as it:
                    extra: dict[str, Any] = {}
                    before = len(it.users.read())
                    outcomes = await function(it, extra)
                    canary, primary = await it.canary(), await it.image("shop-primary")
                    await it.until(lambda: it.values("phase")[-1] == canary["status"]["phase"], "the last phase")
                    await asyncio.sleep(1)  # users' last answers
                    told[name] = Told(it, outcomes, canary, primary, it.users.read()[before:], extra)
            except Exception as error:
                told[name] = error

        with connected(connections):
            await asyncio.gather(*(one(name) for name in names))
    return told
