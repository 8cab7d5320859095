"""How an object's `spec.service` becomes a connection: by the Secret of its namespace, and for files by a repository."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import httpx
import pytest

from blocks.flags.table import FlagServices
from blocks.git.mirrors import Git
from deployments.wiring import _flags_repository
from sluice.errors import InvalidError, NotFoundError
from sluice.manifests.own.flag_service import FlagServiceReference
from tests.blocks.flags.worlds import FEATURES, PROD, TOKEN, in_git, server
from tests.memory_cluster import MemoryCluster

TEAM = "shop-test"


def cluster(**secret: str) -> Any:
    made = MemoryCluster()
    data = {key: base64.b64encode(value.encode()).decode() for key, value in secret.items()}
    meta = {"name": "flags", "namespace": TEAM, "resourceVersion": "1"}
    made.objects[("Secret", TEAM, "flags")] = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data}
    return made


def services(there: Any, http: httpx.AsyncClient, tmp_path: Path) -> FlagServices:
    async def remote(reference: FlagServiceReference, namespace: str) -> Any:
        return await _flags_repository(there, reference, namespace)

    return FlagServices(http, there, Git(tmp_path / "git"), remote)


def reference(**said: Any) -> FlagServiceReference:
    return FlagServiceReference.model_validate({"secretRef": {"name": "flags"}} | said)


async def test_a_token_is_read_from_the_secret_of_the_namespace(tmp_path: Path) -> None:
    """And of no other one."""
    async with server("flipt", tmp_path) as world:
        sut = services(cluster(token=TOKEN), world.http, tmp_path)
        found = await sut(reference(type="flipt", address=world.url), TEAM)
        assert len(await found.flags(PROD)) == 6
        with pytest.raises(NotFoundError):
            await sut(reference(type="flipt", address=world.url), "another")


async def test_a_secret_without_a_token_and_a_type_that_there_is_not_are_named(tmp_path: Path) -> None:
    """By the Secret and its key, and by all types that there are."""
    async with httpx.AsyncClient() as http:
        sut = services(cluster(password="x"), http, tmp_path)
        with pytest.raises(InvalidError, match="Secret shop-test/flags has no key token"):
            await sut(reference(type="flipt", address="http://flipt"), TEAM)
        with pytest.raises(InvalidError, match="features-file, flagd-file, flipt, flipt-v2, ofrep"):
            await sut(reference(type="launch", address="http://flags"), TEAM)


async def test_a_file_is_read_with_the_login_that_a_git_repository_has(tmp_path: Path) -> None:
    """The Secret is one for git: username and password."""
    async with in_git("features-file", "features.yml", FEATURES, tmp_path) as world:
        sut = services(cluster(username="bot", password="s3cret"), world.http, tmp_path)
        found = await sut(reference(type="features-file", address=world.remote.url), TEAM)
        assert len(await found.flags(PROD)) == 6
