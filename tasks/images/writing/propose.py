"""Propose: make a pull request of what was pushed to a branch of its own, where the automation asks for one."""

from __future__ import annotations

import hashlib

from blocks.connections import Connections
from blocks.forges.base import Proposed, PullRequest
from blocks.git.mirrors import Commit, Edit
from sluice.errors import SluiceError
from sluice.manifests.flux.git_repository import GitRepository
from tasks.images.writing.delivery import Delivery
from tasks.images.writing.forge import FORGE_SECRET, forge_of
from tasks.images.writing.ways import Way
from tasks.images.writing.withdraw import Place, place_of, remember

LONGEST_TITLE = 200
"""Characters; forges take no more than 255."""


async def propose(
    wired: Connections,
    source: GitRepository,
    way: Way,
    delivery: Delivery,
    edit: Edit,
    commit: Commit,
    wanted: set[Place],
) -> tuple[str, str]:
    """What people are pointed to, and why there is no pull request where there should be one. Both are empty for none.

    Where it is goes to `wanted`: what is open elsewhere is none of this run's. Nothing is raised: it is pushed, and the pull
    request is made at the next run.
    """
    if not way.proposed or not commit.waiting:
        return "", ""
    wanted.add(place_of(source, edit))
    if edit.commit:
        return "", f"spec.git.checkout.ref is {edit.branch}: a pull request needs a branch to go into"
    try:
        forge = await forge_of(wired, delivery.automation, source.spec.url)
        if forge is None:
            return "", (
                f"no way into the forge of {source.address} to make a pull request: name a Secret with its token in the "
                f"annotation {FORGE_SECRET}, or set SLUICE_GITHUB_TOKEN or SLUICE_GITLAB_API_TOKEN"
            )
        await remember(wired, delivery.automation, add=[place_of(source, edit)])
        found = await forge.propose(source.spec.url, pull_request(delivery, edit))
    except SluiceError as error:
        return "", str(error)
    said = f"pull request {found.number} ({found.address})"
    return f"{said} was closed by a person, and is left so" if found.state is Proposed.DECLINED else said, ""


def pull_request(delivery: Delivery, edit: Edit) -> PullRequest:
    """What is proposed: the commit's message, and each change with its file."""
    title, _, rest = delivery.message().partition("\n")
    lines = [
        f"- `{path}`:{one.line} `{one.old}` → `{one.new}`" for path, file in delivery.changes.items() for one in file
    ]
    what = sorted(f"{path}:{one.setter}={one.new}" for path, file in delivery.changes.items() for one in file)
    return PullRequest(
        branch=edit.target,
        into=edit.branch,
        title=title[:LONGEST_TITLE],
        body="\n\n".join(part for part in (rest.strip(), "\n".join(lines)) if part),
        change=hashlib.sha256("\n".join(what).encode()).hexdigest()[:24],
    )
