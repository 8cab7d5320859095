"""ACTS: what is done for each decision. An act may be repeated; what it came to is read from helm's storage afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from blocks.helm.passage import passage
from blocks.helm.storage import unlock
from sluice.errors import TerminalError
from sluice.helm.arguments import Place, arguments, timeout_of
from sluice.helm.decision import RELEASING, Decision, Step
from sluice.helm.objects.post_rendering import plan
from sluice.helm.storage import StoredRelease
from sluice.manifests.flux.helm.release import HelmRelease
from tasks.helm.definitions import bring_definitions
from tasks.helm.drift import correct
from tasks.helm.look import Look, rules_of

WAITS = 3
"""Times that an act may wait for its timeout: hooks before, objects, hooks after."""
MORE = 60.0
"""Seconds for all that is no waiting."""


@dataclass(frozen=True, slots=True)
class Acting:
    """One act.

    Attributes:
        release: as it was when the act began.
        found: the release's revisions in helm's storage, the newest first.
        check: raises where the right to act is gone.
    """

    look: Look
    release: HelmRelease
    decision: Decision
    found: Sequence[StoredRelease]
    check: Callable[[], None]


async def by_program(acting: Acting) -> None:
    """Run helm.

    Raises:
        InvalidError: helm says that it failed.
        TerminalError, TransientError: it could not be run, or not to its end.
    """
    look, release, step = acting.look, acting.release, acting.decision.step
    helm = look.wired.helm
    async with helm.run() as run, passage(look.cluster, rules_of(look.owned, release, step, acting.check)) as way:
        run.give_way(way)
        place = Place()
        if step in RELEASING:
            brought = await look.chart.bring(run.folder / "chart")
            run.give_values(look.wanted.values)
            run.give_plan(plan(release, helm.kustomize))
            act = release.spec.install if step is Step.INSTALL else release.spec.upgrade
            place = Place(str(brought.folder), str(run.values))
            await bring_definitions(run, place.chart, look.cluster, release, act.crd_policy)
        said = arguments(
            release,
            step,
            place,
            server_side=_server_side(acting),
            version=acting.decision.version,
        )
        await run.call(said, WAITS * timeout_of(release, step) + MORE)


async def by_hand(acting: Acting) -> None:
    """Take a dead act's mark off the release."""
    await unlock(acting.look.cluster, acting.release.storage_namespace, acting.found[0])


async def put_right(acting: Acting) -> None:
    """Apply what the release has over what was changed."""
    await correct(acting.look, acting.release, acting.found[0])


def _server_side(acting: Acting) -> bool:
    """How the release that is acted on, or returned to, was applied."""
    version = acting.decision.version
    known = [one for one in acting.found if not version or one.version == version]
    return bool(known) and known[0].document.get("apply_method") == "ssa"


ACTS: Mapping[Step, Callable[[Acting], Awaitable[None]]] = {
    Step.INSTALL: by_program,
    Step.UPGRADE: by_program,
    Step.TEST: by_program,
    Step.ROLLBACK: by_program,
    Step.UNINSTALL: by_program,
    Step.UNLOCK: by_hand,
    Step.CORRECT: put_right,
}


async def act(acting: Acting) -> None:
    """Do what was decided."""
    if acting.decision.step not in ACTS:
        raise TerminalError(f"{acting.decision.step} is no act")
    await ACTS[acting.decision.step](acting)
