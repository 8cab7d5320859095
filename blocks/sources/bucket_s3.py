"""A storage that speaks S3: what is in a bucket, and its objects streamed to disk. Requests are signed, or as anybody's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import httpx
from pydantic import SecretStr

from blocks.bounded_http import asked
from blocks.waits import retry_after
from sluice.errors import InvalidError, NotFoundError, TerminalError, TransientError
from sluice.sigv4 import Keys, quoted, quoted_path, signed_for_s3

_MOST_ANSWER = 8 << 20
_MOST_PAGES = 200
_USUAL_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Listed:
    """One object of a bucket."""

    key: str
    mark: str
    """Its ETag: another one where its content is another."""
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """One bucket.

    Attributes:
        http: for this storage, with its certificates and proxy.
        base: scheme and host.
        bucket: its name.
        keys: that sign; None where there are none.
        token: shown in their place; None for none. Without both one asks as anybody.
        region: of the bucket.
        within: seconds for one call.
        clock: the moment, with a time zone.
    """

    http: httpx.AsyncClient
    base: str
    bucket: str
    keys: Keys | None
    region: str
    within: float
    clock: Callable[[], datetime]
    token: SecretStr | None = None

    async def listed(self, prefix: str, most: int) -> list[Listed]:
        """All objects, in order of their names.

        Raises:
            NotFoundError: there is no such bucket.
            InvalidError: it has more objects than that.
            TerminalError: the storage refuses us, or is none that speaks S3.
            TransientError: it does not answer.
        """
        found: list[Listed] = []
        query = {"list-type": "2", "max-keys": "1000", "prefix": prefix}
        for _ in range(_MOST_PAGES):
            url, headers = self.request("", query)
            try:
                answer = await asked(
                    self.http, self.http.build_request("GET", url, headers=headers), _MOST_ANSWER, self.within
                )
            except httpx.RequestError as error:
                raise self._away(error) from None
            self._check(answer.status, answer.headers, answer.content, "")
            page = _parsed(answer.content, self.base)
            found += _objects(page)
            if len(found) > most:
                raise InvalidError(f"bucket {self.bucket} has more than {most:,} objects; narrow it by spec.prefix")
            following = _text(page, "NextContinuationToken")
            if _text(page, "IsTruncated") != "true" or not following:
                return found
            query |= {"continuation-token": following}
        raise InvalidError(f"bucket {self.bucket} has more than {_MOST_PAGES} pages; narrow it by spec.prefix")

    async def download(self, key: str, place: Path, most: int) -> int:
        """Write an object to a file, as it comes; how many bytes that was.

        Raises:
            NotFoundError: it is not there any more.
            InvalidError: it is larger than that.
            and the errors of `listed`.
        """
        url, headers = self.request(key, {})
        taken = 0
        try:
            async with asyncio.timeout(self.within), self.http.stream("GET", url, headers=headers) as answer:
                if answer.status_code != 200:
                    self._check(answer.status_code, answer.headers, (await answer.aread())[:_MOST_ANSWER], key)
                with place.open("wb") as file:
                    async for chunk in answer.aiter_raw(1 << 18):
                        taken += len(chunk)
                        if taken > most:
                            raise InvalidError(f"{key} of bucket {self.bucket} is larger than it was listed with")
                        await asyncio.to_thread(file.write, chunk)
        except TimeoutError as error:
            raise TransientError(f"{key} of bucket {self.bucket} was not here within {self.within:g} s") from error
        except httpx.RequestError as error:
            raise self._away(error) from None
        return taken

    def request(self, key: str, query: dict[str, str]) -> tuple[str, dict[str, str]]:
        """Address and headers of a request for an object, or for the bucket where the key is empty."""
        scheme, _, host = self.base.partition("://")
        if _by_host(host, self.bucket):
            host, path = f"{self.bucket}.{host}", quoted_path(f"/{key}")
        else:
            path = quoted_path(f"/{self.bucket}/{key}" if key else f"/{self.bucket}")
        url = f"{scheme}://{host}{path}{'?' if query else ''}{quoted(query)}"
        if self.token:
            return url, {"Authorization": f"Bearer {self.token.get_secret_value()}"}
        if not self.keys:
            return url, {}
        region = self.region or _USUAL_REGION
        return url, signed_for_s3(self.keys, "GET", url, self.clock(), region=region)

    def _check(self, status: int, headers: httpx.Headers | object, content: bytes, key: str) -> None:
        what = f"{key} of bucket {self.bucket}" if key else f"bucket {self.bucket}"
        said = f"{self.base} answered {status} for {what}{_why(content)}"
        if status == 200:
            return
        if status == 404:
            raise NotFoundError(said)
        if status == 429 or status >= 500:
            raise TransientError(said, retry_after=retry_after(headers))  # type: ignore[arg-type]
        if status in (301, 307, 308):
            raise TerminalError(f"{said}: set spec.endpoint and spec.region to where the bucket is")
        raise TerminalError(
            f"{said}: check spec.secretRef and spec.region, or what sluice may do there by its own identity"
        )

    def _away(self, error: httpx.RequestError) -> TransientError:
        return TransientError(f"{self.base} does not answer for bucket {self.bucket}: {type(error).__name__}")


def _by_host(host: str, bucket: str) -> bool:
    """Whether a storage has its buckets as hosts of their own and may refuse all else; not where a certificate has none."""
    return host.endswith((".amazonaws.com", ".aliyuncs.com")) and "." not in bucket


def _parsed(content: bytes, base: str) -> ElementTree.Element:
    """The answer as XML. Definitions of entities, by which a few lines become gigabytes, are refused."""
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise TerminalError(f"{base} does not speak S3: its answer defines entities")
    try:
        return ElementTree.fromstring(content)  # noqa: S314 - without definitions there is nothing to expand
    except ElementTree.ParseError as error:
        raise TerminalError(f"{base} does not speak S3: its answer is no XML") from error


def _objects(page: ElementTree.Element) -> list[Listed]:
    found = []
    for one in page.iterfind("{*}Contents"):
        size = _text(one, "Size")
        found.append(Listed(_text(one, "Key"), _text(one, "ETag").strip('"'), int(size) if size.isdecimal() else 0))
    return found


def _text(parent: ElementTree.Element, name: str) -> str:
    found = parent.find(f"{{*}}{name}")
    return (found.text or "") if found is not None else ""


def _why(content: bytes) -> str:
    try:
        code = _text(ElementTree.fromstring(content), "Code")  # noqa: S314 - of a few bytes, for a message
    except ElementTree.ParseError:
        return ""
    return f" ({code[:100]})" if code else ""
