"""Each member of a table is in the import contract that keeps the members apart: else the contract would keep nothing."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
ROOMS = (
    "sluice/events/senders/forges",
    "sluice/events/senders/own",
    "sluice/events/senders/registries",
    "sluice/events/verification",
    "sluice/flags/languages",
    "sluice/flags/audit/findings",
    "sluice/flags/languages",
    "sluice/measures/dataplanes",
    "sluice/marks/cdevents",
    "sluice/rollout/autoscalers",
    "sluice/rollout/routes",
    "sluice/rollout/strategies",
    "sluice/rollout/workloads",
    "blocks/routers",
    "blocks/chat",
    "blocks/flags",
    "blocks/forges",
    "blocks/renderers",
    "blocks/registries",
    "blocks/registries/logins",
    "blocks/sources",
    "blocks/suites",
    "blocks/gates/kinds",
    "tasks/sync/followers",
)
FOLDERS = {"sluice/flags/languages"}
"""Rooms in which a member may be a folder."""
NO_MEMBERS = {"__init__", "base", "table"}
SHARED = {
    "sluice/rollout/routes": {"backends"},
    "blocks/routers": {"way_in"},
    "blocks/registries": {"labels", "pull_secrets", "pulls", "tokens", "transport"},
    "blocks/flags": {"access", "git_file"},
    "blocks/forges": {"asking", "proposing", "repositories"},
    "blocks/renderers": {"confined", "fence", "keys", "parsed", "plain", "program", "settings_text", "sops"},
    "blocks/sources": {"access", "suspended"},
    "blocks/suites": {"asking", "github"},
}
"""What several members of a room stand on, or what works with any of them."""


def independent() -> list[set[str]]:
    """The modules of each contract of type independence."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    return [set(one["modules"]) for one in contracts if one["type"] == "independence"]


@pytest.mark.parametrize("room", ROOMS)
def test_every_member_is_in_its_contract(room: str) -> None:
    """A file `slack_blocks.py` is a part of the member `slack`, not a member."""
    files = {path.stem for path in (CHECKOUT / room).glob("*.py")} - NO_MEMBERS - SHARED.get(room, set())
    if room in FOLDERS:
        files |= {path.parent.name for path in (CHECKOUT / room).glob("*/__init__.py")}
    members = {name for name in files if not any(name.startswith(f"{other}_") for other in files)}
    named = {f"{room.replace('/', '.')}.{name}" for name in members}
    assert any(named <= contract for contract in independent()), named
