"""Puts the sample application into the lab as a team would: a git repository, an image, and the objects that tie them.

Each run of the demo uses a major version of its own, because in a registry that has seen an earlier run the versions
of that run are the newest.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from lab import ports
from lab.apps.variants import push_variant
from lab.errors import LabError
from lab.paths import SOURCES
from lab.product import repository
from lab.product.cluster import ProductCluster, phase
from lab.product.site import Site

NAME, NAMESPACE, HOST = "shop", "test", "shop.test"
APPS = SOURCES / "apps"
INITIALIZED_WITHIN_S = 90
POLL_S = 0.25


@dataclass(frozen=True)
class Application:
    """The application in one run of the demo."""

    registry: str
    gateway_url: str
    major: int
    digests: dict[str, str] = field(default_factory=dict)

    def version(self, minor: int) -> str:
        return f"{self.major}.{minor}.0"

    def image(self, tag: str) -> str:
        return f"{self.registry}/{NAME}:{tag}"

    def push(self, tag: str, variant: str) -> float:
        """Push an image and say when the registry had it."""
        self.digests[tag] = push_variant(self.registry, NAME, tag, variant)
        return time.time()

    def pinned(self, tag: str) -> str:
        """A pushed image as sluice writes it to git, by tag and digest."""
        return f"{self.image(tag)}@{self.digests[tag]}"

    def answers(self) -> bool:
        """Whether a user gets an answer from the application through the gateway."""
        try:
            answer = httpx.get(self.gateway_url, headers={"Host": HOST}, timeout=5, trust_env=False)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200 and "X-Version" in answer.headers


def next_major(registry: str) -> int:
    """One more than any major version of the application that the registry holds."""
    answer = httpx.get(f"http://{registry}/v2/{NAME}/tags/list", timeout=10, trust_env=False)
    tags = (answer.json().get("tags") or []) if answer.status_code == 200 else []
    majors = [int(tag.partition(".")[0]) for tag in tags if tag.partition(".")[0].isdigit()]
    return max(majors, default=0) + 1


def install(
    application: Application,
    cluster: ProductCluster,
    site: Site,
    where_to_look: str,
    prepare: Callable[[Path], None] | None = None,
) -> None:
    """First image, objects, repository; return when users are served by the primary.

    The manifests are pushed last, so that it is a push that brings them into the cluster, as every later change; `prepare`
    changes them before.

    Raises:
        LabError: that took too long; the message says where to look.
    """
    first = application.version(0)
    application.push(first, "good")
    cluster.apply(APPS / "cluster", {">=1.0.0": f">={first}", **site.values()})
    # Pinned already: else the first delivery would pin it, and that is a revision of its own, rolled out by itself.
    _publish(site, {f"{ports.HOST}:{ports.REGISTRY}/{NAME}:1.0.0": application.pinned(first)}, prepare)
    give_up = time.monotonic() + INITIALIZED_WITHIN_S
    while not (phase(cluster.canary(NAME)) == "Initialized" and application.answers()):
        if time.monotonic() > give_up:
            seen = phase(cluster.canary(NAME)) or "not there"
            late = f"after {INITIALIZED_WITHIN_S} s the Canary {NAME} is {seen}, not Initialized and served"
            raise LabError(f"{late}. {where_to_look}")
        time.sleep(POLL_S)


def _publish(site: Site, values: dict[str, str], prepare: Callable[[Path], None] | None) -> None:
    """Make the manifests the repository's whole content, whatever an earlier run left there."""

    def fill(work: Path) -> None:
        shutil.copytree(APPS / "manifests", work, dirs_exist_ok=True)
        site.fit(work, values)
        if prepare:
            prepare(work)

    repository.replace_all(site.repository, fill, "Run the shop")
