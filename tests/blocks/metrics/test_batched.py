"""Wishes of many rollouts at the same moment: one query, of which everybody gets their own."""

from __future__ import annotations

import asyncio

from blocks.metrics.batched import MOST, Batched
from blocks.metrics.memory import MemoryMetrics
from sluice.errors import TransientError
from sluice.measures.series import Selector, Series


class Asked(MemoryMetrics):
    """Notes each query, and may be away."""

    queries: list[tuple[Selector, float, float]]
    error: Exception | None = None

    async def samples(self, selector: Selector, start: float, end: float) -> list[Series]:
        self.queries.append((selector, start, end))
        if self.error:
            raise self.error
        return await super().samples(selector, start, end)


def many_services(count: int) -> Asked:
    series = [
        Series({"service": f"s{n}", "le": le}, ((1.0, float(n)), (3.0, n + 1.0)))
        for n in range(count)
        for le in ("100", "+Inf")
    ]
    asked = Asked({"x": series})
    asked.queries = []
    return asked


def service(number: int, *bounds: str) -> Selector:
    return Selector("x", "service", frozenset({f"s{number}"}), frozenset(bounds))


async def test_wishes_of_a_moment_are_one_query_and_everybody_gets_their_own() -> None:
    """Hundreds of rollouts that look after the same scrape cost one query, and see no more than they asked for."""
    asked = many_services(300)
    batched = Batched(asked)
    answers = await asyncio.gather(*(batched.samples(service(n, "+Inf"), 2.0 - n % 3, 4.0) for n in range(300)))
    assert len(asked.queries) == 1
    for number, answer in enumerate(answers):
        assert {one.labels["service"] for one in answer} == {f"s{number}"}
        assert [at for at, _ in answer[0].samples] == ([1.0, 3.0] if number % 3 == 2 else [3.0])


async def test_wishes_with_other_further_labels_are_kept_apart() -> None:
    """Two namespaces may have services of the same name: neither is told of the other's."""
    series = [Series({"service": "s", "namespace": name}, ((1.0, 1.0),)) for name in ("a", "b")]
    asked = Asked({"x": series})
    asked.queries = []
    batched = Batched(asked)
    wishes = [Selector("x", "service", frozenset({"s"}), where=frozenset({("namespace", name)})) for name in ("a", "b")]
    answers = await asyncio.gather(*(batched.samples(wish, 0.0, 4.0) for wish in wishes))
    assert [[one.labels["namespace"] for one in answer] for answer in answers] == [["a"], ["b"]]


async def test_a_wish_for_whatever_has_a_label_is_kept_apart_from_those_for_some_values() -> None:
    """Of a proxy's listeners nobody knows the names."""
    series = [Series({"listener": name}, ((1.0, 1.0),)) for name in ("a", "b")] + [
        Series({"other": "c"}, ((1.0, 1.0),))
    ]
    asked = Asked({"x": series})
    asked.queries = []
    batched = Batched(asked)
    wishes = [Selector("x", "listener", frozenset(some)) for some in ((), {"b"}, ())]
    answers = await asyncio.gather(*(batched.samples(wish, 0.0, 4.0) for wish in wishes))
    assert [[one.labels["listener"] for one in answer] for answer in answers] == [["a", "b"], ["b"], ["a", "b"]]
    assert len(asked.queries) == 2


async def test_a_batch_has_a_greatest_size_and_wishes_for_whole_releases_are_kept_apart() -> None:
    """No query without bound; who needs ten minutes does not make everybody read ten minutes."""
    asked = many_services(MOST + 1)
    batched = Batched(asked)
    short = [batched.samples(service(n), 0.0, 4.0) for n in range(MOST + 1)]
    await asyncio.gather(*short, batched.samples(service(0), -600.0, 4.0))
    assert sorted((end - start, len(selector.values)) for selector, start, end in asked.queries) == [
        (4.0, 1),
        (4.0, MOST),
        (604.0, 1),
    ]


async def test_all_buckets_are_asked_for_where_one_needs_them_all() -> None:
    """Who knows its buckets does not take the others away from who does not."""
    asked = many_services(2)
    batched = Batched(asked)
    all_, one = await asyncio.gather(batched.samples(service(0), 0, 4), batched.samples(service(1, "+Inf"), 0, 4))
    assert len(asked.queries) == 1
    assert {series.labels["le"] for series in all_} == {"100", "+Inf"}
    assert one


async def test_a_provider_that_is_away_is_told_to_all_and_the_next_query_is_a_new_one() -> None:
    """An error is nobody's alone, and is not kept."""
    asked = many_services(3)
    batched = Batched(asked)
    asked.error = TransientError("away")
    wishes = (batched.samples(service(n), 0.0, 4.0) for n in range(3))
    assert [type(one) for one in await asyncio.gather(*wishes, return_exceptions=True)] == [TransientError] * 3
    asked.error = None
    assert await batched.samples(service(1), 0.0, 4.0)


async def test_a_reader_that_leaves_takes_nobody_s_answer_away() -> None:
    """A rollout that is cancelled while it waits is no reason for others to read again."""
    asked = many_services(2)
    batched = Batched(asked)
    leaving = asyncio.create_task(batched.samples(service(0), 0.0, 4.0))
    staying = asyncio.create_task(batched.samples(service(1), 0.0, 4.0))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying
    assert len(asked.queries) == 1
