"""Ask something of a release for somebody: the record is made, or it is said why not; and how that looks in a terminal."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from deployments.tools import standing
from sluice.errors import InvalidError, NotFoundError, TerminalError
from sluice.gates.asking import Request
from sluice.manifests.own.audit_record import Act
from tasks.people.asking.ask import ask
from tests.gates import gate_object
from tests.memory_cluster import MemoryCluster
from tests.samples import NAME, NAMESPACE, canary_manifest


def cluster(phase: str = "WaitingPromotion", **status: Any) -> Any:
    """A release that waits."""
    it = MemoryCluster()
    it.add(canary_manifest({}, {"phase": phase, "lastAppliedSpec": "r1", **status}), gate_object())
    return it


def asked(it: Any, act: Act = Act.APPROVE, name: str = NAME, **more: Any) -> str:
    request = Request(act, "alice", through="cli", reason="fine", **more)
    return asyncio.run(ask(it, "sluice", NAMESPACE, name, request))


def test_what_is_asked_is_a_record_and_a_sentence() -> None:
    """With who, through what, why, and at which Gate."""
    it = cluster()
    assert asked(it) == f"approve of {NAME}.{NAMESPACE}@r1 at gate {NAMESPACE}/four-eyes, by alice"
    (made,) = [one for key, one in it.objects.items() if key[0] == "AuditRecord"]
    spec = made["spec"]
    assert (spec["act"], spec["by"], spec["through"], spec["reason"], spec["revision"]) == (
        "approve",
        "alice",
        "cli",
        "fine",
        "r1",
    )


def test_a_press_that_is_delivered_twice_is_no_error() -> None:
    """Chats send again what was answered late."""
    it = cluster()
    assert asked(it, once="press") == asked(it, once="press")
    assert len([key for key in it.objects if key[0] == "AuditRecord"]) == 1


def test_what_cannot_be_asked_leaves_nothing_behind() -> None:
    """Neither of a Canary that is not there, nor of a release that is over."""
    it = cluster("Succeeded")
    with pytest.raises(InvalidError, match="no release"):
        asked(it, Act.ABORT)
    with pytest.raises(NotFoundError):
        asked(it, Act.ABORT, name="nobody")
    assert not [key for key in it.objects if key[0] == "AuditRecord"]


def test_a_cluster_without_the_kind_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade may not have brought the definitions."""
    it = cluster()

    async def nothing(_manifest: Any) -> None:
        raise NotFoundError("the cluster does not serve it")

    monkeypatch.setattr(it, "create", nothing)
    with pytest.raises(TerminalError, match="sluice crds"):
        asked(it)


def test_where_releases_stand_and_what_they_wait_for() -> None:
    """One line each; a Gate at which nobody waits has its line too."""
    state = {"gate": f"{NAMESPACE}/four-eyes", "point": "confirm-promotion", "said": "waits for approval by bob"}
    it = cluster(canaryWeight=50, step=2, gates=[state])
    it.add(gate_object("other"))

    async def lines() -> tuple[standing.Lines, standing.Lines]:
        found = await standing.canaries(it)
        return standing.standing(found), await standing.waited_for(it, found)

    stands, waits = asyncio.run(lines())
    assert stands == [(f"{NAME}.{NAMESPACE}", "WaitingPromotion", "r1", "50 %", "3", "")]
    assert [(line[0], line[3], line[5]) for line in waits] == [
        (f"{NAMESPACE}/four-eyes", f"{NAME}.{NAMESPACE}", "closed: waits for approval by bob"),
        (f"{NAMESPACE}/other", "", "nobody waits"),
    ]


@pytest.mark.parametrize("written", ["shop.test", "test/shop"])
def test_a_service_is_named_either_way(written: str) -> None:
    """As people write it."""
    assert standing.named(written) == ("test", "shop")


@pytest.mark.parametrize("written", ["", "test/", ".test"])
def test_what_names_no_service_is_refused(written: str) -> None:
    """With an example."""
    with pytest.raises(InvalidError, match=r"NAME\.NAMESPACE"):
        standing.named(written)
