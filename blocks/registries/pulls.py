"""Brings what is in a registry here: manifests, and layers that are streamed to disk and proven by their digests."""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

import httpx

from blocks.registries.base import USUAL, Way
from blocks.registries.distribution import MANIFESTS, Call, Distribution, base_of
from sluice.credentials import RegistryCredentials
from sluice.errors import InvalidError, NotFoundError, TerminalError, TransientError
from sluice.images.reference import Repository

_MOST_MANIFEST = 4 << 20
_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_PLATFORM = ("linux", "amd64")
_HOPS = 5
_CONFIG_WITHIN = 5.0
"""Seconds that an image's configuration may take."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of an artifact."""

    media_type: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Pulled:
    """A manifest.

    Attributes:
        digest: of its bytes.
        layers: in order.
        annotations: what its owner says of it.
    """

    digest: str
    layers: tuple[Layer, ...]
    annotations: dict[str, str] = field(default_factory=dict)


class Puller(Distribution):
    """All registries, to bring what they have."""

    async def pull(
        self,
        repository: Repository,
        digest: str,
        credentials: RegistryCredentials | None = None,
        *,
        insecure: bool = False,
        way: Way = USUAL,
    ) -> Pulled:
        """The manifest with this digest; of one for several platforms that for linux/amd64.

        Raises:
            NotFoundError: it is not there.
            TransientError: the registry does not answer.
            TerminalError: it refuses us, or gives something else.
        """
        manifest = await self._manifest_for(repository, digest, credentials, insecure, way)
        layers = manifest.get("layers")
        if not isinstance(layers, list) or not layers:
            raise InvalidError(f"{repository}@{digest} has no layers")
        notes = manifest.get("annotations") or {}
        return Pulled(digest, tuple(_layer(one, repository) for one in layers), {k: str(v) for k, v in notes.items()})

    async def download(
        self,
        repository: Repository,
        layer: Layer,
        place: Path,
        most: int,
        within: float,
        credentials: RegistryCredentials | None = None,
        *,
        insecure: bool = False,
        way: Way = USUAL,
    ) -> None:
        """Write a layer to a file, as it comes, and prove that it is the one that was named.

        Args:
            repository: where it is.
            layer: which.
            place: the file.
            most: bytes that it may have.
            within: seconds for all of it.
            credentials: to log in.
            insecure: speak http.
            way: how to get there.

        Raises:
            InvalidError: it is too large, or is not what its digest says.
            and the errors of `pull`.
        """
        if layer.size > most:
            raise InvalidError(f"the layer of {repository} has {layer.size:,} bytes: {most >> 20} MiB may be packed")
        path = f"/v2/{repository.path}/blobs/{quote(layer.digest, safe=':')}"
        call = Call("HEAD", base_of(repository, insecure), path, (repository, credentials, way, "manifests"), {})
        # First a call without a body: it logs in, and says whether the layer is there.
        await self._ask(call, also=frozenset({301, 302, 303, 307, 308, 405}))
        login = self._tokens.known(call.wanted)
        try:
            async with asyncio.timeout(within):
                found = await self._streamed(call, {"Authorization": login} if login else {}, place, layer.size)
        except TimeoutError as error:
            raise TransientError(f"the layer of {repository} was not here within {within:g} s") from error
        except httpx.RequestError as error:
            raise TransientError(f"registry {repository.registry} does not answer: {type(error).__name__}") from None
        if found != layer.digest:
            raise InvalidError(f"the layer of {repository} is not {layer.digest}: the registry gave something else")

    async def labels(
        self,
        repository: Repository,
        digest: str,
        credentials: RegistryCredentials | None = None,
        *,
        insecure: bool = False,
        way: Way = USUAL,
    ) -> dict[str, str]:
        """The labels of an image, and what its manifest says of it; the errors are those of `pull`.

        Labels are in its configuration. Some builders annotate the manifest, or the index, instead.
        """
        first = await self._manifest(repository, digest, credentials, insecure, way)
        manifest = await self._for_one(first, repository, digest, credentials, insecure, way)
        notes = {**(first.get("annotations") or {}), **(manifest.get("annotations") or {})}
        config = _layer(manifest.get("config"), repository)
        with tempfile.TemporaryDirectory(prefix="sluice-") as folder:
            place = Path(folder) / "config"
            await self.download(
                repository, config, place, _MOST_MANIFEST, _CONFIG_WITHIN, credentials, insecure=insecure, way=way
            )
            text = await asyncio.to_thread(place.read_bytes)
        try:
            labels = {**notes, **(json.loads(text)["config"].get("Labels") or {})}
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            labels = notes  # no image, or one that says nothing of itself
        return {str(key): str(value) for key, value in labels.items()}

    async def _streamed(self, call: Call, headers: Mapping[str, str], place: Path, size: int) -> str:
        """The digest of what came. Registries send us to a storage for it, which the login is not for."""
        http = await self._transport.client(call.wanted[2])
        url = call.base + call.path
        for _ in range(_HOPS):
            async with http.stream("GET", url, headers=dict(headers)) as answer:
                if answer.has_redirect_location:
                    there = urljoin(url, answer.headers["Location"])
                    headers = headers if httpx.URL(there).netloc == httpx.URL(url).netloc else {}
                    url = there
                    continue
                _check(answer, call.repository)
                hashed, taken = hashlib.sha256(), 0
                with place.open("wb") as file:
                    async for chunk in answer.aiter_raw(1 << 18):
                        taken += len(chunk)
                        if taken > size:
                            raise InvalidError(f"the layer of {call.repository} is longer than it says")
                        hashed.update(chunk)
                        await asyncio.to_thread(file.write, chunk)
                return f"sha256:{hashed.hexdigest()}"
        raise TerminalError(f"registry {call.repository.registry} sends us around for a layer of {call.repository}")

    async def _manifest_for(
        self, repository: Repository, digest: str, credentials: RegistryCredentials | None, insecure: bool, way: Way
    ) -> dict[str, Any]:
        """The manifest with this digest; of one for several platforms that for linux/amd64."""
        manifest = await self._manifest(repository, digest, credentials, insecure, way)
        return await self._for_one(manifest, repository, digest, credentials, insecure, way)

    async def _for_one(
        self,
        manifest: dict[str, Any],
        repository: Repository,
        digest: str,
        credentials: RegistryCredentials | None,
        insecure: bool,
        way: Way,
    ) -> dict[str, Any]:
        if manifest.get("mediaType") in _INDEXES or "manifests" in manifest:
            inner = _for_platform(manifest, repository, digest)
            manifest = await self._manifest(repository, inner, credentials, insecure, way)
        return manifest

    async def _manifest(
        self, repository: Repository, digest: str, credentials: RegistryCredentials | None, insecure: bool, way: Way
    ) -> dict[str, Any]:
        path = f"/v2/{repository.path}/manifests/{quote(digest, safe=':')}"
        call = Call(
            "GET",
            base_of(repository, insecure),
            path,
            (repository, credentials, way, "manifests"),
            {"Accept": MANIFESTS},
        )
        answer = await self._ask(call)
        if len(answer.content) > _MOST_MANIFEST:
            raise InvalidError(f"the manifest of {repository}@{digest} has more than {_MOST_MANIFEST >> 20} MiB")
        if f"sha256:{hashlib.sha256(answer.content).hexdigest()}" != digest:
            raise TerminalError(f"{repository} gave another manifest than {digest}")
        try:
            body = json.loads(answer.content)
        except (ValueError, RecursionError) as error:
            raise InvalidError(f"the manifest of {repository}@{digest} is no JSON") from error
        if not isinstance(body, dict):
            raise InvalidError(f"the manifest of {repository}@{digest} is no JSON object")
        return body


def _check(answer: httpx.Response, repository: Repository) -> None:
    if answer.status_code == 404:
        raise NotFoundError(f"a layer of {repository} is not there")
    if answer.status_code >= 500 or answer.status_code == 429:
        raise TransientError(f"registry {repository.registry} answered {answer.status_code} for a layer")
    if answer.status_code != 200:
        raise TerminalError(f"registry {repository.registry} answered {answer.status_code} for a layer of {repository}")


def _for_platform(index: Mapping[str, Any], repository: Repository, digest: str) -> str:
    found = [
        one for one in index.get("manifests") or [] if isinstance(one, dict) and isinstance(one.get("digest"), str)
    ]
    fitting = [one for one in found if _platform(one) == _PLATFORM] or (found if len(found) == 1 else [])
    if not fitting:
        raise InvalidError(f"{repository}@{digest} is for several platforms, and none of them is {'/'.join(_PLATFORM)}")
    return str(fitting[0]["digest"])


def _platform(one: Mapping[str, Any]) -> tuple[str, str]:
    platform = one.get("platform") or {}
    return str(platform.get("os", "")), str(platform.get("architecture", ""))


def _layer(one: Any, repository: Repository) -> Layer:
    try:
        media, digest, size = one["mediaType"], one["digest"], one["size"]
        if not (isinstance(media, str) and isinstance(size, int) and size >= 0 and digest.startswith("sha256:")):
            raise TypeError
    except (TypeError, KeyError, AttributeError):
        raise InvalidError(f"a layer of {repository} has no mediaType, size and sha256 digest") from None
    return Layer(media, digest, size)
