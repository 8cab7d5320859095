"""A flag that everybody has: an audit finds it and proposes its removal, a person merges that, and it is archived.

The team's code is in a repository of the lab's git server. Its forge is the stand-in for GitHub, which knows pull requests
and no git: the person merges by git, as GitHub says how to do it on the command line, and closes the pull request there.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from lab.demo.flags.runs import run_by_hand
from lab.demo.flags.service import ADDRESS, DONE, TOKEN, Flags
from lab.errors import LabError
from lab.parts.git import create_repository
from lab.paths import SOURCES, LabPaths
from lab.product.application import NAMESPACE
from lab.product.cluster import ProductCluster
from lab.product.repository import TEAM, cloned, git, replace_all
from lab.progress import say

CHECKOUT = SOURCES / "apps" / "checkout"
OWNED = "team/checkout"
AUDIT, MAP = "weekly", "checkout-code"
DEPLOYED_S, POLL_S, ANSWER_S = 60.0, 0.25, 10
Login = tuple[str, str] | None


def _fill(work: Path) -> None:
    shutil.copytree(CHECKOUT / "code", work, dirs_exist_ok=True)


@dataclass(frozen=True)
class Merged:
    """A merge that is pushed.

    Attributes:
        at: when the push began.
    """

    commit: str
    at: float


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """The team's code in one run of the demo.

    Attributes:
        login: to Prefect.
        check: raises where something has ended that this needs.
    """

    env: Mapping[str, Any]
    cluster: ProductCluster
    flags: Flags
    repository: str
    login: Login
    check: Callable[[], None]

    @classmethod
    def installed(
        cls,
        places: LabPaths,
        env: Mapping[str, Any],
        cluster: ProductCluster,
        flags: Flags,
        login: Login,
        check: Callable[[], None],
    ) -> Checkout:
        """The repository with its code, its GitRepository, Kustomization and FlagAudit, and the Secrets of all flags."""
        repository = create_repository(places, OWNED)
        replace_all(repository, _fill, "Take orders")
        values = {
            "FLAGS_ADDRESS": ADDRESS,
            "FLAGS_TOKEN": TOKEN,
            "FORGE_ADDRESS": env["github_url"],
            "FORGE_TOKEN": env["github_token"],
        }
        cluster.apply(CHECKOUT / "cluster", values)
        return cls(env=env, cluster=cluster, flags=flags, repository=repository, login=login, check=check)

    def remove_flag(self) -> dict[str, Any]:
        """Audit, merge what is proposed, wait for its deployment, and audit once more.

        Raises:
            LabError: no pull request came, or something else did not happen in time; the message says what.
        """
        self._wait(lambda: DONE in self._deployed(), "the code is not deployed")
        said = self._audit()
        pull = self._pull()
        say(f"an audit has opened {pull['html_url']}: {pull['title']}")
        early = self.flags.archived(DONE)
        lines = self._lines(pull["head"]["ref"])
        merged = self._merge(pull)
        self._wait(lambda: self._applied() == merged.commit, "the merge is not deployed")
        deployed = time.time()
        said = self._audit()
        archived = time.time()
        return {
            "flag": DONE,
            "pull_request": pull["html_url"],
            "title": pull["title"],
            **lines,
            "merge_to_deployed_s": round(deployed - merged.at, 2),
            "merge_to_archived_s": round(archived - merged.at, 2),
            "archived_before_merge": early,
            "archived": self.flags.archived(DONE),
            "named_in_deployed_code": DONE in self._deployed(),
            "audit": said,
        }

    def _audit(self) -> str:
        """As a person does it in Prefect's UI: for flags that are done for less than 30 days too, as these are."""
        asked = {"name": AUDIT, "namespace": NAMESPACE, "days": 0}
        return run_by_hand("audit_flags", asked, self.check, login=self.login)

    def _pull(self) -> dict[str, Any]:
        found = [one for one in self._forge("GET", "/pulls?state=open") if DONE in one["title"]]
        if not found:
            raise LabError(f"the audit has opened no pull request for the flag {DONE}")
        return dict(found[0])

    def _lines(self, branch: str) -> dict[str, Any]:
        """What the pull request changes, by git."""
        with cloned(self.repository) as work:
            git(work, "fetch", "--quiet", "origin", branch)
            rows = [row.split("\t") for row in git(work, "diff", "--numstat", "HEAD", "FETCH_HEAD").splitlines()]
            left = git(work, "show", "FETCH_HEAD:checkout.go").count(DONE)
        return {
            "files": [row[2] for row in rows],
            "lines_removed": sum(int(row[1]) for row in rows),
            "lines_added": sum(int(row[0]) for row in rows),
            "left_in_code": left,
        }

    def _merge(self, pull: Mapping[str, Any]) -> Merged:
        with cloned(self.repository) as work:
            git(work, "fetch", "--quiet", "origin", pull["head"]["ref"])
            message = f"Merge pull request #{pull['number']}: {pull['title']}"
            git(work, *TEAM, "merge", "--quiet", "--no-ff", "--message", message, "FETCH_HEAD")
            merged = Merged(git(work, "rev-parse", "HEAD").strip(), time.time())
            git(work, "push", "--quiet", "origin", "HEAD")
        self._forge("PUT", f"/pulls/{pull['number']}/merge")
        return merged

    def _applied(self) -> str:
        status = self.cluster.find("kustomizations", "checkout").get("status") or {}
        return str(status.get("lastAppliedRevision", "")).rpartition(":")[2]

    def _deployed(self) -> str:
        """The code that the cluster has."""
        return "".join((self.cluster.find("configmaps", MAP).get("data") or {}).values())

    def _forge(self, method: str, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.env['github_token']}"}
        url = f"{self.env['github_url']}/repos/{OWNED}{path}"
        answer = httpx.request(method, url, headers=headers, timeout=ANSWER_S, trust_env=False)
        if answer.is_error:
            raise LabError(f"the forge answered {answer.status_code} for {path}: {answer.text[:200]}")
        return answer.json()

    def _wait(self, done: Callable[[], bool], otherwise: str) -> None:
        give_up = time.monotonic() + DEPLOYED_S
        while not done():
            self.check()
            if time.monotonic() > give_up:
                said = self.cluster.ready("kustomizations", "checkout") or "nothing"
                raise LabError(f"{otherwise} after {DEPLOYED_S:.0f} s; its Kustomization says: {said}")
            time.sleep(POLL_S)
