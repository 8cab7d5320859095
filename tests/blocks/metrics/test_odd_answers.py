"""Answers of Prometheus that are no number, limits of its own, and one odd wish among many."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from blocks.metrics import prometheus as prometheus_module
from blocks.metrics.base import LimitError
from blocks.metrics.batched import Batched
from blocks.metrics.memory import MemoryMetrics
from blocks.metrics.prometheus import Prometheus
from sluice.errors import InvalidError, TransientError
from sluice.measures.series import Selector, Series


def server(handle: Callable[[httpx.Request], httpx.Response]) -> Prometheus:
    return Prometheus("http://prometheus.test", httpx.AsyncClient(transport=httpx.MockTransport(handle)))


def answered(kind: str, result: Any) -> httpx.Response:
    return httpx.Response(200, json={"status": "success", "data": {"resultType": kind, "result": result}})


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(
            answered("matrix", [{"metric": {}, "values": [[1, "2"]]}]), "a range vector: put a function", id="range"
        ),
        pytest.param(answered("string", [1.0, "up"]), "a string: give a number", id="string"),
        pytest.param(
            answered("vector", [{"metric": {}, "histogram": [1.0, {"count": "3"}]}]), "a native histogram", id="native"
        ),
    ],
)
async def test_what_is_no_value_is_refused_with_the_way_out(answer: httpx.Response, said: str) -> None:
    """The run does not die of it, and the author of the query reads what to do."""
    with pytest.raises(InvalidError, match=f"the query gives {said}.*: x"):
        await server(lambda _: answer).value("x")


async def test_an_infinite_value_is_given_as_it_is() -> None:
    """What a division by zero says of a release is the rule's to say."""
    answer = answered("vector", [{"metric": {}, "value": [1.0, "+Inf"]}])
    assert await server(lambda _: answer).value("x") == math.inf


async def test_a_histogram_s_native_samples_count_nothing() -> None:
    """A series that has only those is no error in the middle of a release."""
    answer = answered("matrix", [{"metric": {"x": "y"}, "histograms": [[1.0, {}]]}])
    assert await server(lambda _: answer).samples(Selector("x", "x", frozenset({"y"})), 0.0, 2.0) == []


async def test_an_answer_without_end_is_a_limit_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker's memory is not the query's to take."""
    monkeypatch.setattr(prometheus_module, "MOST", 1000)
    with pytest.raises(LimitError, match="gave more than"):
        await server(lambda _: httpx.Response(200, content=b"x" * 5000)).value("x")


@pytest.mark.parametrize("address", ["http://[::1", "http://prometheus.test:port"])
async def test_an_address_that_is_none_is_refused_and_no_crash(address: str) -> None:
    """`spec.metricsServer` and a MetricTemplate's address are typed by people."""
    async with httpx.AsyncClient() as http:
        with pytest.raises(InvalidError, match="the address is none"):
            await Prometheus(address, http).value("x")


async def test_no_value_ends_a_string() -> None:
    """Quotes, backslashes and line ends in a label's value are matched to the letter."""
    queries: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        queries.append(parse_qs(request.content.decode())["query"][0])
        return answered("matrix", [])

    await server(handle).samples(Selector("x", "s", frozenset({'a"b', "c\\d", "e\nf\x01"})), 0.0, 1.0)
    assert queries == ['x{s=~"a\\"b|c\\\\\\\\d|e\\nf\\x01"}[1000ms]']
    # A string's escapes are JSON's here: what the server reads is the pattern, and in it the value.
    inside = queries[0].split("=~")[1].removesuffix("}[1000ms]").replace("\\x01", "\\u0001")
    assert json.loads(inside) == 'a"b|c\\\\d|e\nf\x01'


class Picky(MemoryMetrics):
    """Refuses each query that has an odd wish in it, or too many of them."""

    asked: list[int]
    odd: str = ""
    most: int = 1000
    error: type[Exception] = InvalidError

    async def samples(self, selector: Selector, start: float, end: float) -> list[Series]:
        self.asked.append(len(selector.values))
        if self.odd in selector.values or len(selector.values) > self.most:
            raise self.error("no")
        return await super().samples(selector, start, end)


def picky(count: int = 64) -> Picky:
    found = Picky({"x": [Series({"service": f"s{n}"}, ((1.0, 1.0),)) for n in range(count)]})
    found.asked = []
    return found


async def all_read(metrics: Picky, count: int = 64) -> list[Any]:
    batched = Batched(metrics)
    wishes = (batched.samples(Selector("x", "service", frozenset({f"s{n}"})), 0.0, 4.0) for n in range(count))
    return await asyncio.gather(*wishes, return_exceptions=True)


async def test_one_odd_wish_fails_alone() -> None:
    """One namespace's odd label value blinds no other rollout, and finding it costs few queries."""
    metrics = picky()
    metrics.odd = "s17"
    answers = await all_read(metrics)
    assert [n for n, one in enumerate(answers) if isinstance(one, InvalidError)] == [17]
    assert [one[0].labels["service"] for n, one in enumerate(answers) if n != 17] == [
        f"s{n}" for n in range(64) if n != 17
    ]
    assert len(metrics.asked) == 13  # all of them, then two halves six times


async def test_what_is_too_much_at_once_is_asked_for_in_parts() -> None:
    """A server's limit of samples is met by smaller queries, not by waiting."""
    metrics = picky()
    metrics.most, metrics.error = 20, LimitError
    assert all(one[0].samples for one in await all_read(metrics))
    assert sorted(metrics.asked) == [16, 16, 16, 16, 32, 32, 64]


async def test_a_server_in_trouble_is_not_asked_for_each_wish() -> None:
    """Hundreds of queries more are the last thing that it needs."""
    metrics = picky()
    metrics.odd, metrics.error = "s17", TransientError
    assert {type(one) for one in await all_read(metrics)} == {TransientError}
    assert metrics.asked == [64]
