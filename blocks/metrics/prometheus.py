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

from blocks.bounded_http import Answer, posted
from blocks.metrics.base import Endpoint, LimitError, Provider
from blocks.metrics.batched import Batched
from sluice.addresses import cleaned, shown, without_login
from sluice.errors import InvalidError, TerminalError, TransientError
from sluice.measures.quoting import in_string
from sluice.measures.series import Selector, Series

TIMEOUT = 5.0
"""Seconds for a query and its whole answer."""
MOST = 64 * 1024 * 1024
"""Bytes of an answer that are read at most."""
KINDS = {
    "matrix": "a range vector: put a function around it, such as rate(...) or last_over_time(...)",
    "string": "a string: give a number",
}
"""What a query may give that is no value."""
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
        _, result = await self._query(f"{_promql(selector)}[{window}ms]", end)
        # Prometheus 2 includes the start of a range and 3 does not: a sample between two windows belongs to the first one.
        found = [Series(entry["metric"], _finite(entry.get("values", ()), start)) for entry in result]
        return [series for series in found if series.samples]

    async def value(self, query: str) -> float | None:
        kind, result = await self._query(query, None)
        if kind in KINDS:
            raise InvalidError(f"the query gives {KINDS[kind]}: {query.strip()}")
        if kind == "vector" and any("histogram" in entry for entry in result):
            raise InvalidError(
                f"the query gives a native histogram: put histogram_quantile(...) around it: {query.strip()}"
            )
        values = [float(entry["value"][1]) for entry in result]
        known = [value for value in values if not isnan(value)]
        if len(known) > 1:
            raise InvalidError(
                f"the query gives {len(known)} series where one value is needed; aggregate it: {query.strip()}"
            )
        return known[0] if known else None

    async def _query(self, query: str, at: float | None) -> tuple[str, list[dict[str, Any]]]:
        """The kind of the result, and its entries; a scalar is one entry."""
        form = {"query": query, "timeout": f"{TIMEOUT:g}s"}
        if at is not None:
            form["time"] = f"{at:.3f}"
        auth = self._login or httpx.USE_CLIENT_DEFAULT
        try:
            answer = await posted(self.http, f"{self.address}/api/v1/query", MOST, TIMEOUT, data=form, auth=auth)
        except httpx.HTTPError as error:
            raise TransientError(f"{self.name} does not answer: {cleaned(repr(error))}") from error
        except (httpx.InvalidURL, ValueError) as error:
            raise InvalidError(f"{self.name}: the address is none: {cleaned(str(error))}") from error
        self._compare_clocks(answer.headers.get("Date", ""))
        self._check(query, answer)
        try:
            data = orjson.loads(answer.content)["data"]
            kind, result = str(data["resultType"]), data["result"]
        except (ValueError, KeyError, TypeError) as error:
            raise TransientError(f"{self.name} gave no usable answer: {answer.text[:200]}") from error
        return kind, [{"metric": {}, "value": result}] if kind == "scalar" else result

    def _check(self, query: str, answer: Answer) -> None:
        """Raise what an answer that is none means: only a query that cannot be read is its author's."""
        if answer.status == 400 and not _is_passing(answer):
            raise InvalidError(f"{self.name} refuses the query {query.strip()}: {answer.text[:300]}")
        if answer.status == 422:
            # Too many samples, too long, too much memory; an error in the data too, such as two series that match one.
            raise LimitError(f"{self.name} cannot execute the query {query.strip()[:300]}: {answer.text[:300]}")
        if answer.status != 200:
            raise TransientError(f"{self.name} answered {answer.status}: {answer.text[:300]}")
        if not answer.whole:
            raise LimitError(f"{self.name} gave more than {MOST >> 20} MiB: aggregate the query {query.strip()[:300]}")

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
    matchers = [_one_of(selector.label, selector.values) if selector.values else f'{selector.label}!=""']
    if selector.bounds:
        matchers.append(_one_of("le", selector.bounds))
    matchers += [_one_of(label, frozenset({value})) for label, value in sorted(selector.where)]
    return f"{selector.metric}{{{','.join(matchers)}}}"


def _is_passing(answer: Answer) -> bool:
    """Whether the server says of its error that it is none of the query's form: some have one status for all of them."""
    try:
        kind = orjson.loads(answer.content).get("errorType", "")
    except (ValueError, AttributeError):
        return False
    return kind in {"timeout", "canceled", "execution", "internal", "unavailable", "too_many_requests"}


def _one_of(label: str, values: frozenset[str]) -> str:
    # Escaped for RE2, which refuses to see some of what re.escape escapes; then for PromQL's string.
    literal = "|".join(re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", value) for value in sorted(values))
    return f'{label}=~"{in_string(literal)}"'
