"""A stand-in for each service that runs suites, held to the service's published description, and what tests ask of it.

CircleCI: the schemas of npm @circleci/mcp-server-circleci 0.20.0 (`clients/schemas.js`) and the OpenAPI file of its API v2.
GitHub: the models of `githubkit` for version 2026-03-10. The protocol of the webhook is sluice's own (docs/gates-suites.md).
"""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from blocks.kubernetes.kinds import CRON_JOB, JOB
from blocks.suites.base import Launch, Reach, Suite
from blocks.suites.table import SUITES
from sluice.gates.suite import Outcome
from sluice.manifests.own.gate import Gate
from tests.gates import gate_object
from tests.memory_cluster import MemoryCluster
from tests.samples import NAMESPACE

TOKEN = "a-secret-of-the-tests"
SECRET_REF = {"secretRef": {"name": "ci"}}
KEYS = [f"sluice-{number:020x}-1" for number in range(9)]
Object = dict[str, Any]


@dataclass
class World:
    """One service.

    Attributes:
        starts: the keys of what was started, in order.
        state: of every run.
        broken: how the next call breaks: a status, `lost` after it was done, or `away` before.
        stops: whether it can stop a run.
    """

    cluster: MemoryCluster = field(default_factory=MemoryCluster)
    starts: list[str] = field(default_factory=list)
    state: Outcome = Outcome.RUNNING
    broken: str | int = ""
    calls: list[str] = field(default_factory=list)
    suite: Object = field(default_factory=dict)
    runner: str = ""
    searches: bool = True
    forgets: bool = False
    stops: bool = True

    def __post_init__(self) -> None:
        data = {"token": base64.b64encode(TOKEN.encode()).decode()}
        meta = {"name": "ci", "namespace": NAMESPACE}
        self.cluster.add({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data})

    @property
    def stopped(self) -> bool:
        """Whether what ran was stopped."""
        return self.state is Outcome.BROKEN

    def gate(self, **spec: Any) -> Object:
        """A Gate with its suite."""
        return gate_object("e2e", suite={self.runner: self.suite, **spec})

    def launch(self, key: str = KEYS[0]) -> Launch:
        """An attempt."""
        gate, now = Gate.parse(self.gate()), time.time()
        values = {"version": "1.1.0", "key": key, "url": "http://shop-canary.shop:80", "canary": "shop"}
        return Launch(gate, key, now, now, values)

    def http(self) -> httpx.AsyncClient:
        """A client whose every call ends here."""
        return httpx.AsyncClient(transport=httpx.MockTransport(self._called))

    def connected(self) -> Suite:
        """What sluice makes of it."""
        cluster: Any = self.cluster
        return SUITES[self.runner](Reach(cluster, self.http()))

    def _called(self, request: httpx.Request) -> httpx.Response:
        broken, self.broken = self.broken, ""
        self.calls.append(f"{request.method} {request.url.path}")
        if broken == "away":
            raise httpx.ConnectError("no way there")
        if isinstance(broken, int):
            return httpx.Response(broken, text=f"bad {TOKEN}", headers={"Retry-After": "7"} if broken == 429 else {})
        answer = self.answer(request, json.loads(request.content or "null"))
        if broken == "lost":
            raise httpx.ReadError("lost on its way")
        return answer

    def answer(self, request: httpx.Request, body: Any) -> httpx.Response:
        """What the service says."""
        raise NotImplementedError


def _time() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


@dataclass
class CircleCIWorld(World):
    """Pipelines, their workflows and jobs."""

    runner: str = "circleci"
    suite: Object = field(default_factory=lambda: {"project": "gh/team/shop", "branch": "main", **SECRET_REF})
    made: list[Object] = field(default_factory=list)
    workflows: list[Object] | None = None

    def answer(self, request: httpx.Request, body: Any) -> httpx.Response:
        assert request.headers["Circle-Token"] == TOKEN
        path = request.url.path.removeprefix("/api/v2")
        if request.method == "POST" and path == "/project/gh/team/shop/pipeline":
            assert set(body) <= {"branch", "tag", "parameters"}
            return httpx.Response(201, json=self._started(body["parameters"]["sluice_key"]))
        if path == "/project/gh/team/shop/pipeline":
            return httpx.Response(200, json={"items": self.made[::-1], "next_page_token": None})
        _, _, number, *rest = path.split("/")
        if self.forgets or not any(one["id"] == number or number == "w" for one in self.made):
            return httpx.Response(404, json={"message": "Pipeline not found"})
        return self._of(number, rest)

    def _started(self, key: str) -> Object:
        self.starts.append(key)
        pipeline = {
            "id": f"5034460f-c7c4-4c43-9457-{len(self.made):012}",
            "number": 25 + len(self.made),
            "state": "pending",
            "created_at": _time(),
        }
        trigger = {"type": "api", "received_at": _time(), "actor": {"login": "ci"}}
        self.made.append({**pipeline, "project_slug": "gh/team/shop", "errors": [], "trigger": trigger})
        return pipeline

    def _of(self, number: str, rest: list[str]) -> httpx.Response:
        if rest == ["config"]:
            key = self.starts[[one["id"] for one in self.made].index(number)]
            config = f"workflows: {{e2e: {{key: {key}}}}}"
            return httpx.Response(200, json={"source": "…", "compiled": config})
        if rest == ["job"]:
            status = {Outcome.FAILED: "failed", Outcome.BROKEN: "infrastructure_fail"}.get(self.state, "success")
            jobs = [{"id": "j", "name": "test", "type": "build", "status": status, "job_number": 1}]
            return httpx.Response(200, json={"items": jobs, "next_page_token": None})
        if rest == ["cancel"]:
            self.state = Outcome.BROKEN
            return httpx.Response(202, json={"message": "Accepted."})
        status = {Outcome.RUNNING: "running", Outcome.PASSED: "success"}.get(self.state, "failed")
        made = [self.workflow("e2e", status)] if self.workflows is None else self.workflows
        return httpx.Response(200, json={"items": made, "next_page_token": None})

    @staticmethod
    def workflow(name: str, status: str, created: str = "2026-11-28T10:00:00Z") -> Object:
        """One, as the API shows it."""
        return {
            "id": "w",
            "name": name,
            "status": status,
            "created_at": created,
            "stopped_at": None,
            "pipeline_number": 25,
            "project_slug": "gh/team/shop",
            "pipeline_id": "p",
        }


@dataclass
class GitHubWorld(World):
    """Workflow runs; `titled`: whether the workflow has the key in its `run-name`; `old`: a server that says no ids."""

    runner: str = "githubActions"
    suite: Object = field(
        default_factory=lambda: {"repository": "team/shop", "workflow": "e2e.yaml", "ref": "main", **SECRET_REF}
    )
    titled: bool = True
    old: bool = False
    hidden: bool = False

    def answer(self, request: httpx.Request, body: Any) -> httpx.Response:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        path = request.url.path.removeprefix("/repos/team/shop")
        if path == "/actions/workflows/e2e.yaml/dispatches":
            self.starts.append(body["inputs"]["sluice_key"])
            run = len(self.starts)
            api, html = f"https://api.github.com/runs/{run}", f"https://github.com/team/shop/actions/runs/{run}"
            said = {"workflow_run_id": run, "run_url": api, "html_url": html}
            return httpx.Response(204) if self.old else httpx.Response(200, json=said)
        if path == "/actions/workflows/e2e.yaml/runs":
            runs = [] if self.hidden else [self._run(number) for number in range(len(self.starts), 0, -1)]
            size, page = int(request.url.params["per_page"]), int(request.url.params.get("page", "1"))
            shown = runs[(page - 1) * size : page * size]
            return httpx.Response(200, json={"total_count": len(runs), "workflow_runs": shown})
        number = int(path.split("/")[3])
        if number > len(self.starts) or self.forgets:
            return httpx.Response(404, json={"message": "Not Found"})
        if path.endswith("/cancel"):
            self.state = Outcome.BROKEN
            return httpx.Response(202, json={})
        return httpx.Response(200, json=self._run(number))

    def _run(self, number: int) -> Object:
        words = {Outcome.PASSED: "success", Outcome.FAILED: "failure", Outcome.BROKEN: "cancelled"}
        return {
            "id": number,
            "display_title": f"e2e {self.starts[number - 1]}" if self.titled else "e2e",
            "status": "in_progress" if self.state is Outcome.RUNNING else "completed",
            "conclusion": words.get(self.state),
            "html_url": f"https://github.com/team/shop/actions/runs/{number}",
        }


@dataclass
class CheckWorld(World):
    """Check runs of a commit."""

    runner: str = "githubCheck"
    suite: Object = field(
        default_factory=lambda: {"repository": "team/shop", "check": "e2e", "ref": "v{{ version }}", **SECRET_REF}
    )
    searches: bool = False
    stops: bool = False

    def answer(self, request: httpx.Request, body: Any) -> httpx.Response:
        assert request.url.path == "/repos/team/shop/commits/v1.1.0/check-runs"
        words = {Outcome.PASSED: "success", Outcome.FAILED: "failure", Outcome.BROKEN: "timed_out"}
        status = "in_progress" if self.state is Outcome.RUNNING else "completed"
        check = {"id": 1, "name": "e2e", "status": status, "conclusion": words.get(self.state), "html_url": None}
        return httpx.Response(200, json={"total_count": 1, "check_runs": [check]})


@dataclass
class WebhookWorld(World):
    """A team's own service: the same key is the same suite."""

    runner: str = "webhook"
    suite: Object = field(
        default_factory=lambda: {
            "url": "https://ci.example/suites",
            "statusUrl": "https://ci.example/suites/{{ key }}",
            **SECRET_REF,
        }
    )
    stops: bool = False

    def answer(self, request: httpx.Request, body: Any) -> httpx.Response:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        key = request.headers["Idempotency-Key"]
        if request.method == "POST":
            self.starts += [] if key in self.starts else [key]
        elif key not in self.starts or self.forgets:
            return httpx.Response(404)
        return httpx.Response(200, json={"state": str(self.state), "url": f"https://ci.example/{key}"})


@dataclass
class JobWorld(World):
    """Jobs of the cluster in memory, whose controller is the test."""

    runner: str = "job"
    suite: Object = field(default_factory=lambda: {"cronJob": "e2e"})

    def __post_init__(self) -> None:
        super().__post_init__()
        pod = {"spec": {"containers": [{"name": "suite", "image": "e2e:1", "env": [{"name": "URL", "value": "own"}]}]}}
        template = {"spec": {"template": pod, "backoffLimit": 6}}
        meta = {"name": "e2e", "namespace": NAMESPACE}
        self.cluster.add(
            {"apiVersion": "batch/v1", "kind": CRON_JOB.kind, "metadata": meta, "spec": {"jobTemplate": template}}
        )
        self.cluster.hooks.append(self._made)

    def _made(self, when: str, verb: str, item: Object) -> None:
        if (when, verb, item["kind"]) == ("after", "create", JOB.kind):
            self.starts.append(item["metadata"]["name"])

    @property
    def stopped(self) -> bool:
        return not any(key[0] == JOB.kind for key in self.cluster.objects)

    def settle(self) -> None:
        """Bring Jobs and their pods to the state."""
        for key in self.starts:
            if self.forgets:
                self.cluster.vanish(JOB, key, NAMESPACE)
                continue
            self._end(key)

    def _end(self, key: str) -> None:
        types = {Outcome.PASSED: "Complete", Outcome.FAILED: "Failed", Outcome.BROKEN: "Failed"}
        job = self.cluster.now(JOB.kind, key, NAMESPACE)
        if self.state in types:
            conditions = [{"type": types[self.state], "status": "True", "reason": "BackoffLimitExceeded"}]
            self.cluster.add({**job, "status": {"conditions": conditions}})
        killed = {"exitCode": 137, "reason": "OOMKilled"}
        ended = {"exitCode": 1, "reason": "Error"} if self.state is Outcome.FAILED else killed
        status = {"containerStatuses": [{"name": "suite", "state": {"terminated": ended}}]}
        meta = {"name": f"{key}-x", "namespace": NAMESPACE, "labels": {"sluice.dev/suite": key}}
        self.cluster.add({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {}, "status": status})


WORLDS = {
    "circleci": CircleCIWorld,
    "githubActions": GitHubWorld,
    "githubCheck": CheckWorld,
    "job": JobWorld,
    "webhook": WebhookWorld,
}
HTTP = {name: world for name, world in WORLDS.items() if name != "job"}
