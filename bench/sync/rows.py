"""The rows: each sets up what it needs, measures, and says what it found."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import uuid4

from bench.sync.figures import asked, spread
from bench.sync.installation import Installation
from bench.sync.repository import Repository, config_map
from bench.sync.watching import Watching, watching
from lab.parts import oci

SOURCE, KUSTOMIZE, IMAGE = "source.toolkit.fluxcd.io/v1", "kustomize.toolkit.fluxcd.io/v1", "image.toolkit.fluxcd.io/v1"
WITHIN_S, AT_REST_S = 120.0, 3.0
"""Seconds that one measure may take; seconds of quiet before the next one."""
Object = dict[str, Any]


async def follow(here: Installation, name: str, repository: Repository, *, interval: str = "10m", **spec: Any) -> None:
    """A GitRepository and a Kustomization that follow a repository."""
    annotations = spec.pop("annotations", {})
    source = {"url": repository.url, "ref": {"branch": "main"}, "interval": interval}
    await here.apply("GitRepository", SOURCE, name, source)
    wanted = {"sourceRef": {"kind": "GitRepository", "name": name}, "prune": True, "interval": interval} | spec
    await here.apply("Kustomization", KUSTOMIZE, name, wanted, annotations=annotations)


async def pushed(here: Installation, n: int, *, reported: bool = True, interval: str = "10m") -> dict[str, Any]:
    """A push to git until its change is in the cluster, by webhook, or without one."""
    name = f"push-{uuid4().hex[:6]}"
    repository = Repository.made(here.places, name, reported=reported)
    try:
        repository.commit({"a.yaml": config_map(name, "0")})
        await follow(here, name, repository, interval=interval)
        await asyncio.to_thread(repository.push)
        async with watching(here.api, here.path("v1", "configmaps")) as seen:
            await _first(here, name)
            whole, rest = [], []
            for number in range(1, n + 1):
                await asyncio.sleep(0.7)
                repository.commit({"a.yaml": config_map(name, str(number))})
                began = await asyncio.to_thread(repository.push)
                ended = time.time()
                at = await seen.until(_value(name, str(number)), began, WITHIN_S)
                whole.append(at - began)
                rest.append(max(0.0, at - ended))
        return {"from the push's begin": spread(whole), "from the push's end": spread(rest)}
    finally:
        repository.remove()


async def images(here: Installation, n: int, *, reported: bool = True, interval: str = "10m") -> dict[str, Any]:
    """A push of an image until the commit with its tag is in the cluster."""
    name = f"image-{uuid4().hex[:6]}"
    repository = Repository.made(here.places, name, reported=reported)
    # What the registry reports names the host that was pushed to: of an image by another name of that host nobody hears.
    host = here.env["registry"] if reported else here.env["registry"].replace("127.0.0.1", "localhost")
    image = f"{host}/{name}"
    try:
        marked = f'{image}:1.0.0 # {{"$imagepolicy": "{here.namespace}:{name}"}}'
        text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata:\n  value: {marked}\n"
        repository.commit({"a.yaml": text})
        await asyncio.to_thread(push_image, here, name, "1.0.0")
        await asyncio.to_thread(repository.push)
        await follow(here, name, repository, interval=interval)
        await automate(here, name, image, interval)
        taken = []
        async with watching(here.api, here.path("v1", "configmaps")) as seen:
            await _first(here, name)
            await asyncio.sleep(AT_REST_S)
            for number in range(1, n + 1):
                began = time.time()
                await asyncio.to_thread(push_image, here, name, f"1.0.{number}")
                at = await seen.until(_value(name, f"{image}:1.0.{number}", digest=True), began, WITHIN_S)
                taken.append(at - began)
                await asyncio.sleep(0.7)
        return spread(taken)
    finally:
        repository.remove()


async def many(here: Installation, objects: int, n: int) -> dict[str, Any]:
    """A thousand objects: applied for the first time, nothing changed, one changed; with requests."""
    name = f"many-{uuid4().hex[:6]}"
    repository = Repository.made(here.places, name)
    try:
        files = {f"apps/{index:04}.yaml": config_map(f"{name}-{index:04}", "0") for index in range(objects)}
        repository.commit(files)
        await asyncio.to_thread(repository.push)
        found: dict[str, Any] = {}
        async with watching(here.api, here.path(KUSTOMIZE, "kustomizations")) as seen:
            before, began = await here.requests(), time.time()
            await follow(here, name, repository, path="apps")
            at = await seen.until(applied(name, ""), began, WITHIN_S)
            found["first"] = {"s": round(at - began, 2), "requests": await _requests(here, before)}
            for what in ("nothing changed", "one changed"):
                rounds = [await _changed(here, repository, name, seen, what, number) for number in range(n)]
                requests = [one["requests"] for one in rounds]
                found[what] = {**spread([one["s"] for one in rounds]), "requests": requests}
        return found
    finally:
        repository.remove()


async def _changed(
    here: Installation, repository: Repository, name: str, seen: Watching, what: str, number: int
) -> dict[str, Any]:
    await asyncio.sleep(AT_REST_S)
    files = (
        {"README": f"{number}"}
        if what == "nothing changed"
        else {"apps/0007.yaml": config_map(f"{name}-0007", f"{number + 1}")}
    )
    commit = repository.commit(files)
    before = await here.requests()
    began = await asyncio.to_thread(repository.push)
    at = await seen.until(applied(name, commit), began, WITHIN_S)
    return {"s": at - began, "requests": await _requests(here, before)}


async def drift(here: Installation, n: int, objects: int = 20) -> dict[str, Any]:
    """A change by hand until people hear of it, and until it is put back, by the policy at once."""
    name = f"drift-{uuid4().hex[:6]}"
    repository = Repository.made(here.places, name)
    try:
        repository.commit({f"{index}.yaml": config_map(f"{name}-{index}", "git") for index in range(objects)})
        await asyncio.to_thread(repository.push)
        await follow(here, name, repository, annotations={"sluice.dev/drift": "at-once"})
        seen_after, back_after = [], []
        async with (
            watching(here.api, here.path("v1", "configmaps")) as maps,
            watching(here.api, here.path("v1", "events")) as events,
        ):
            await _first(here, f"{name}-0")
            await asyncio.sleep(AT_REST_S)
            for number in range(n):
                object_name = f"{name}-{number % objects}"
                began = time.time()
                path = here.path("v1", "configmaps", object_name)
                await here.api.patch(path, {"data": {"value": f"hand {number}"}}, manager="kubectl-edit")
                seen_after.append(await events.until(_said(object_name, f"hand {number}"), began, WITHIN_S) - began)
                changed = await maps.until(_value(object_name, f"hand {number}"), began, WITHIN_S)
                back_after.append(await maps.until(_value(object_name, "git"), changed, WITHIN_S) - began)
                await asyncio.sleep(1.0)
        return {"seen": spread(seen_after), "put back": spread(back_after)}
    finally:
        repository.remove()


async def _requests(here: Installation, before: dict[str, int]) -> dict[str, int]:
    await asyncio.sleep(0.5)
    found = asked(before, await here.requests())
    return {**found, "all": sum(found.values())}


async def _first(here: Installation, name: str) -> None:
    async with asyncio.timeout(WITHIN_S):
        while await here.api.find(here.path("v1", "configmaps", name)) is None:
            await asyncio.sleep(0.2)


async def automate(here: Installation, name: str, image: str, interval: str) -> None:
    """What chooses an image's version and writes it to git."""
    await here.apply("ImageRepository", IMAGE, name, {"image": image, "interval": interval, "insecure": True})
    policy = {"imageRepositoryRef": {"name": name}, "policy": {"semver": {"range": ">=1.0.0"}}}
    await here.apply("ImagePolicy", IMAGE, name, policy)
    git = {
        "checkout": {"ref": {"branch": "main"}},
        "commit": {"author": {"name": "sluice", "email": "sluice@example.com"}},
        "push": {"branch": "main"},
    }
    spec = {"interval": interval, "sourceRef": {"kind": "GitRepository", "name": name}, "git": git}
    await here.apply("ImageUpdateAutomation", IMAGE, name, {**spec, "update": {"strategy": "Setters", "path": "./"}})


def push_image(here: Installation, name: str, tag: str) -> str:
    """Push an image of nothing; its digest."""
    return oci.push_image(here.env["registry"], name, tag, {}, ["/x"], {"ABOUT": tag})


def _value(name: str, value: str, *, digest: bool = False) -> Any:
    """Whether a ConfigMap has a value; `digest` is whether it may be followed by one."""

    def holds(_: str, item: Object) -> bool:
        there = str((item.get("data") or {}).get("value", ""))
        return item["metadata"]["name"] == name and (there.partition("@")[0] if digest else there) == value

    return holds


def _said(object_name: str, value: str) -> Any:
    return lambda _, item: (
        item.get("reason") == "Drift" and object_name in item.get("message", "") and value in item["message"]
    )


def applied(name: str, commit: str) -> Any:
    """Whether a Kustomization has applied a commit; any one where it is empty."""

    def holds(_: str, item: Object) -> bool:
        status = item.get("status") or {}
        ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions") or [])
        its = not name or item["metadata"]["name"] == name
        return its and ready and str(status.get("lastAppliedRevision") or "").endswith(commit or "")

    return holds
