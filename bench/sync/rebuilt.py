"""The row "rebuilt": services with Canaries from one repository; their cluster is lost, and git makes it again.

Lost is all that is in their namespaces and all that Prefect knew. Pods are played (`lab/parts/fake_nodes`); API server,
Gateway, git server and registry are the lab's.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import yaml

from bench.scale import cluster, manifests
from bench.scale.load import Load
from bench.scale.services import CONTOUR_GATEWAY, Services, make_nodes
from bench.scale.story import PROGRESSING
from bench.sync.installation import Installation
from bench.sync.repository import Repository
from bench.sync.rows import automate, follow, push_image
from bench.sync.watching import Watching, watching
from lab.progress import say

Object = dict[str, Any]
NAMESPACES = tuple(f"rebuilt-{number}" for number in range(5))
"""Of the services; git has them too."""
WITHIN_S, LOOK_S, TELL_EACH = 400.0, 0.5, 10
FIRST, PROMOTED, REFUSED = "1.0.0", "1.1.0", "1.2.0"
READY = frozenset({"Initialized", "Succeeded"})
CANARIES, ROUTES = "/apis/flagger.app/v1beta1/canaries", "/apis/gateway.networking.k8s.io/v1/httproutes"
DEPLOYMENTS = "/apis/apps/v1/deployments"


@dataclass
class Fleet:
    """The services, and what is known of them.

    Attributes:
        name: of the repository, of the image and of what follows them.
        image: without its tag.
    """

    here: Installation
    repository: Repository
    name: str
    image: str
    number: int
    places: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.places = [(f"app-{index:02}", NAMESPACES[index % len(NAMESPACES)]) for index in range(self.number)]

    def files(self, tag: str, *, analysed: bool) -> Mapping[str, str]:
        """What git has: namespaces, targets and Canaries, each service in a file."""
        return {
            "namespaces.yaml": yaml.safe_dump_all([manifests.namespace(name) for name in NAMESPACES]),
            **{f"{name}.yaml": self._service(name, where, tag, analysed) for name, where in self.places},
        }

    def _service(self, name: str, where: str, tag: str, analysed: bool) -> str:
        target = manifests.deployment(name, where, 1)
        target["spec"]["template"]["spec"]["containers"][0]["image"] = "IMAGE"
        canary = manifests.canary(name, where, Load(n=self.number), CONTOUR_GATEWAY)
        canary["spec"]["skipAnalysis"] = not analysed
        marked = f'{self.image}:{tag} # {{"$imagepolicy": "{self.here.namespace}:{self.name}"}}'
        return yaml.safe_dump_all([canary, target]).replace("IMAGE", marked)

    async def follow(self) -> None:
        """What people apply to a new cluster by hand: the source, what follows it, and where images come from."""
        await follow(self.here, self.name, self.repository, timeout="2m")
        await automate(self.here, self.name, self.image, "1m")

    async def ready(self, tag: str) -> int:
        """How many of them serve a version, and nothing else is on its way."""
        api = self.here.api
        canaries = {_key(one): one for one in (await api.get(CANARIES))["items"]}
        primaries = {_key(one): one for one in (await api.get(DEPLOYMENTS))["items"]}
        return sum(
            (canaries.get(place, {}).get("status") or {}).get("phase") in READY
            and _serves(primaries.get((f"{place[0]}-primary", place[1])), tag)
            for place in self.places
        )

    async def all_ready(self, tag: str, began: float) -> float:
        """Seconds until all of them serve a version."""
        said = -1
        async with asyncio.timeout(WITHIN_S):
            while (number := await self.ready(tag)) < self.number:
                if number >= said + TELL_EACH or said < 0:
                    say(f"  {number} of {self.number} serve {tag}")
                    said = number
                await asyncio.sleep(LOOK_S)
        return round(time.time() - began, 1)

    async def lose(self) -> None:
        """All of it is gone at once: nobody acts on a finalizer any more."""
        here = self.here
        await here.lose()
        await here.let_go()
        await cluster.remove_namespaces(here.api, (*NAMESPACES, here.namespace))

    async def kept_out(self) -> str:
        """What the policy keeps out, as its annotation says; empty where it knows nothing."""
        found = await self.here.api.find(self.here.path("image.toolkit.fluxcd.io/v1", "imagepolicies", self.name))
        notes = ((found or {}).get("metadata") or {}).get("annotations") or {}
        return str(notes.get("sluice.dev/quarantine", ""))

    async def refuses(self, began: float) -> float:
        """Seconds until the policy knows again what was rolled back."""
        async with asyncio.timeout(WITHIN_S):
            while f":{REFUSED}" not in await self.kept_out():
                await asyncio.sleep(LOOK_S)
        return round(time.time() - began, 1)


async def rebuilt(here: Installation, number: int) -> dict[str, Any]:
    """A cluster that is lost and made again: how long, how many Canaries ran, and whether what was rolled back stays out."""
    name = f"rebuilt-{uuid4().hex[:6]}"
    repository = Repository.made(here.places, name)
    fleet = Fleet(here, repository, name, f"{here.env['registry']}/{name}", number)
    with contextlib.ExitStack() as ending:
        ending.callback(repository.remove)
        Services(here.places, here.home.parent, ending).start_nodes()
        await make_nodes(here.api, 3 * number)
        try:
            return await _both_lives(fleet)
        finally:  # as long as somebody plays the kubelets: nobody else takes their finalizers from the pods
            await fleet.lose()


async def _both_lives(fleet: Fleet) -> dict[str, Any]:
    found = await _first_life(fleet)
    commit = fleet.repository.git("rev-parse", "HEAD")
    say("all of it is lost")
    await fleet.lose()
    found |= await _second_life(fleet)
    await asyncio.to_thread(fleet.repository.pull)
    found["commits since"] = int(fleet.repository.git("rev-list", "--count", f"{commit}..HEAD"))
    return found


async def _first_life(fleet: Fleet) -> dict[str, Any]:
    """The services come from git, the next version is promoted, and the one after that was rolled back."""
    here, repository = fleet.here, fleet.repository
    for tag in (FIRST, PROMOTED):
        await asyncio.to_thread(push_image, here, fleet.name, tag)
    repository.commit(fleet.files(FIRST, analysed=False))
    began = await asyncio.to_thread(repository.push)
    await follow(here, fleet.name, repository, timeout="2m")
    first = await fleet.all_ready(FIRST, began)
    repository.commit(fleet.files(PROMOTED, analysed=False))
    began = await asyncio.to_thread(repository.push)
    promoted = await fleet.all_ready(PROMOTED, began)
    digest = await asyncio.to_thread(push_image, here, fleet.name, REFUSED)
    line = f"{fleet.image}:{REFUSED}@{digest} -> {fleet.image}:{PROMOTED}  # too many errors\n"
    repository.commit({**fleet.files(PROMOTED, analysed=True), ".sluice/quarantine": line})
    began = await asyncio.to_thread(repository.push)
    await fleet.follow()
    return {
        "made, s": first,
        "promoted, s": promoted,
        "refused after, s": await fleet.refuses(began),
    }


async def _second_life(fleet: Fleet) -> dict[str, Any]:
    """A new installation, and the same few objects applied to it."""
    here = fleet.here
    await here.api.create(manifests.namespace(here.namespace))
    async with (
        watching(here.api, CANARIES) as canaries,
        watching(here.api, ROUTES) as routes,
        watching(here.api, DEPLOYMENTS) as workloads,
    ):
        began = time.time()
        await here.begin()
        applied = time.time()
        await fleet.follow()
        rebuilt_after, refused_after = await asyncio.gather(fleet.all_ready(PROMOTED, applied), fleet.refuses(applied))
        # What came of the first looks of all parts has begun by now.
        await asyncio.sleep(5)
        return {
            "installed, s": round(applied - began, 1),
            "rebuilt, s": rebuilt_after,
            "ready": await fleet.ready(PROMOTED),
            "canary runs": len(set(_ran(canaries)) | set(_had_traffic(routes))),
            "known again what is refused, s": refused_after,
            "met what is refused": len({_key(item) for _, _, item in workloads.changes if REFUSED in _image(item)}),
        }


def _ran(canaries: Watching) -> Iterator[tuple[str, str]]:
    """Those for which a release was run."""
    for _, _, item in canaries.changes:
        status = item.get("status") or {}
        if status.get("phase") in PROGRESSING or status.get("canaryWeight"):
            yield _key(item)


def _had_traffic(routes: Watching) -> Iterator[tuple[str, str]]:
    """Those whose canary had users."""
    for _, _, item in routes.changes:
        backends = [one for rule in item["spec"].get("rules") or [] for one in rule.get("backendRefs") or []]
        if any(one["name"].endswith("-canary") and one.get("weight") for one in backends):
            yield _key(item)


def _key(item: Object) -> tuple[str, str]:
    return item["metadata"]["name"], item["metadata"]["namespace"]


def _serves(primary: Object | None, tag: str) -> bool:
    return primary is not None and tag in _image(primary) and bool((primary.get("status") or {}).get("readyReplicas"))


def _image(workload: Object) -> str:
    return str(workload["spec"]["template"]["spec"]["containers"][0]["image"])
