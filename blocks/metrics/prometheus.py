"""Prometheus by its HTTP API (prometheus.io/docs/prometheus/latest/querying/api)."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from math import ceil, isfinite, isnan
from typing import Any

import httpx
import orjson

from blocks.metrics.base import Endpoint, Provider
from blocks.metrics.batched import Batched
from sluice.addresses import shown, without_login
from sluice.errors import InvalidError, TerminalError, TransientError
from sluice.measures.series import Selector, Series

TIMEOUT = 5.0


CLOCKS_AGREE = 3.0
"""Seconds that our clock and the server's may differ before the server's is used: it tells whole seconds."""


def provider(at: Endpoint) -> Provider:
    """One server: queries go to it one by one, samples that many rollouts want are read together.

    Raises:
        TerminalError: no address is known.
    """
    if not at.address:
        raise TerminalError("no Prometheus is known: set SLUICE_METRICS_URL, or spec.metricsServer on the Canary")
    server = Prometheus(at.address, at.http)
    return Provider(server, Batched(server))


@dataclass(slots=True)
class Prometheus:
    """One Prometheus server.

    Attributes:
        address: its URL, without `/api/v1`; a login in it is taken out of it.
        http: the client to ask with; its owner closes it.
        ahead: seconds that the server's clock is ahead of ours; 0 where they agree.
    """

    address: str
    http: httpx.AsyncClient
    ahead: float = 0.0
    _login: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        self.address, self._login = without_login(self.address)

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"Prometheus at {shown(self.address)}"

    async def ping(self) -> str:
        """A query that reads no series: whatever speaks PromQL answers it."""
        if await self.value("vector(1)") != 1.0:
            raise TerminalError(f"{self.name} does not compute vector(1): is it a Prometheus?")
        return "it computes" if not self.ahead else f"it computes; its clock is {self.ahead:+.0f} s ahead of ours"

    def now(self) -> float:
        return time.time() + self.ahead

    async def samples(self, selector: Selector, start: float, end: float) -> list[Series]:
        # A range selector in an instant query gives the samples as scraped; a range query would interpolate them.
        window = max(1, ceil((end - start) * 1000))
        result = await self._query(f"{_promql(selector)}[{window}ms]", end)
        # Prometheus 2 includes the start of a range and 3 does not: a sample between two windows belongs to the first one.
        found = [Series(entry["metric"], _finite(entry["values"], start)) for entry in result]
        return [series for series in found if series.samples]

    async def value(self, query: str) -> float | None:
        values = [float(entry["value"][1]) for entry in await self._query(query, None)]
        known = [value for value in values if not isnan(value)]
        if len(known) > 1:
            raise InvalidError(
                f"the query gives {len(known)} series where one value is needed; aggregate it: {query.strip()}"
            )
        return known[0] if known else None

    async def _query(self, query: str, at: float | None) -> list[dict[str, Any]]:
        form = {"query": query, "timeout": f"{TIMEOUT:g}s"}
        if at is not None:
            form["time"] = f"{at:.3f}"
        try:
            answer = await self.http.post(
                f"{self.address}/api/v1/query", data=form, timeout=TIMEOUT, auth=self._login or httpx.USE_CLIENT_DEFAULT
            )
        except httpx.HTTPError as error:
            raise TransientError(f"Prometheus at {self.address} does not answer: {error!r}") from error
        self._compare_clocks(answer.headers.get("Date", ""))
        if answer.status_code in {400, 422}:
            raise InvalidError(f"Prometheus at {self.address} refuses the query {query.strip()}: {answer.text[:300]}")
        if answer.status_code != 200:
            raise TransientError(f"Prometheus at {self.address} answered {answer.status_code}: {answer.text[:300]}")
        try:
            body = orjson.loads(answer.content)
            result = body["data"]["result"]
        except (ValueError, KeyError, TypeError) as error:
            raise TransientError(f"Prometheus at {self.address} gave no usable answer: {answer.text[:200]}") from error
        if body["data"]["resultType"] == "scalar":
            return [{"metric": {}, "value": result}]
        entries: list[dict[str, Any]] = result
        return entries

    def _compare_clocks(self, date: str) -> None:
        try:
            ahead = parsedate_to_datetime(date).timestamp() - time.time()
        except ValueError:
            return
        self.ahead = ahead if abs(ahead) > CLOCKS_AGREE else 0.0


def _finite(values: list[tuple[float, str]], start: float) -> tuple[tuple[float, float], ...]:
    """The samples after `start` that are numbers: NaN counts nothing, and would make all that is added to it NaN."""
    samples = ((float(at), float(value)) for at, value in values if at > start)
    return tuple((at, value) for at, value in samples if isfinite(value))


def _promql(selector: Selector) -> str:
    matchers = [_one_of(selector.label, selector.values)]
    if selector.bounds:
        matchers.append(_one_of("le", selector.bounds))
    matchers += [_one_of(label, frozenset({value})) for label, value in sorted(selector.where)]
    return f"{selector.metric}{{{','.join(matchers)}}}"


def _one_of(label: str, values: frozenset[str]) -> str:
    # re.escape also escapes what RE2 refuses to see escaped.
    quoted = (re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\\\1", value).replace('"', r"\"") for value in sorted(values))
    escaped = "|".join(quoted)
    return f'{label}=~"{escaped}"'
