"""What every metrics provider promises, tried on each row of the table, in memory, on files, and on a real Prometheus."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from blocks.metrics import PROVIDERS, provider_of
from blocks.metrics.base import Counters, Endpoint, LimitError, Provider, Values
from blocks.metrics.batched import Batched
from blocks.metrics.exported import Exported
from blocks.metrics.memory import MemoryMetrics
from blocks.metrics.prometheus import Prometheus
from blocks.metrics.providers import Providers
from sluice.errors import InvalidError, TerminalError, TransientError
from sluice.measures.series import Selector, Series
from tests.blocks.metrics.servers import SERVERS, served

PATIENCE = 60.0


def select(metric: str, label: str = "x", *values: str) -> Selector:
    return Selector(metric, label, frozenset(values or {"y"}))


@dataclass
class Ground:
    """A provider with one counter in it, and a query that yields 42; none where it cannot compute."""

    values: Values
    counters: Counters | None
    selector: Selector
    query: str
    nothing: Selector


@pytest.fixture(
    params=[
        *(f"served {kind}" for kind in PROVIDERS),
        "memory",
        "memory in batches",
        "exported as JSON",
        "exported as OpenMetrics",
        pytest.param("prometheus", marks=pytest.mark.lab),
        pytest.param("prometheus in batches", marks=pytest.mark.lab),
    ]
)
async def ground(request: pytest.FixtureRequest) -> AsyncIterator[Ground]:
    if request.param.startswith("served"):
        kind = request.param.removeprefix("served ")
        async with served(kind) as address, httpx.AsyncClient(trust_env=False) as http:
            made = provider_of(kind)(Endpoint(address, http))
            yield Ground(made.values, made.counters, select("x_total", "a", "b"), "answer", select("absent"))
        return
    batches = request.param.endswith("in batches")
    if request.param.startswith("memory"):
        now = time.time()
        samples = tuple((now - 60 + 2 * at, float(at)) for at in range(30))
        it = MemoryMetrics({"x_total": [Series({"a": "b"}, samples)]}, {"answer": 42.0})
        yield Ground(it, Batched(it) if batches else it, select("x_total", "a", "b"), "answer", select("absent"))
        return
    if request.param.startswith("exported"):
        folder: Path = request.getfixturevalue("tmp_path")
        files = Exported.of([export(folder, request.param)])
        yield Ground(files, files, select("x_total", "a", "b"), "", select("absent"))
        return
    env = request.getfixturevalue("lab_env")
    async with httpx.AsyncClient(trust_env=False) as http:
        selector = select("envoy_server_uptime", "job", "envoy")
        prometheus = Prometheus(env["prometheus_url"], http)
        async with asyncio.timeout(PATIENCE):
            while len((await prometheus.samples(selector, time.time() - 60, time.time()) or [Series()])[0].samples) < 3:
                await asyncio.sleep(0.5)
        counters = Batched(prometheus) if batches else prometheus
        yield Ground(prometheus, counters, selector, "vector(42)", select("nobody_counts_this_total"))


def counted(ground: Ground) -> Counters:
    """The raw samples of a provider; one that has none keeps the other contract only."""
    if ground.counters is None:
        pytest.skip("it has no counters")
    return ground.counters


def export(folder: Path, form: str) -> Path:
    """A counter that was scraped every two seconds for the last minute, as Prometheus writes it."""
    begin, file = round(time.time() - 60, 3), folder / "export"
    if form.endswith("JSON"):
        values = [[begin + 2 * at, str(at)] for at in range(30)]
        result = [{"metric": {"__name__": "x_total", "a": "b"}, "values": values}]
        file.write_text(json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}))
    else:
        lines = [f'x_total{{a="b"}} {at} {begin + 2 * at:.3f}' for at in range(30)]
        file.write_text("\n".join([*lines, "# EOF", ""]))
    return file


async def test_samples_are_those_that_were_scraped_rising_in_time(ground: Ground) -> None:
    """Raw samples in their own times, not interpolated, inside of what was asked for."""
    metrics = counted(ground)
    end = time.time()
    (series,) = await metrics.samples(ground.selector, end - 50, end)
    times = [at for at, _ in series.samples]
    assert len(times) >= 2
    assert times == sorted(set(times))
    assert end - 50 <= times[0] <= times[-1] <= end
    assert all(isinstance(value, float) for _, value in series.samples)


async def test_the_same_window_gives_the_same_samples(ground: Ground) -> None:
    """What was scraped does not change by being read at another moment."""
    metrics = counted(ground)
    end = time.time() - 1
    whole = await metrics.samples(ground.selector, end - 40, end)
    again = await metrics.samples(ground.selector, end - 40, end)
    assert [one.samples for one in whole] == [one.samples for one in again]


async def test_two_windows_that_meet_share_no_sample(ground: Ground) -> None:
    """A window holds what is after its start, up to its end: nothing is counted twice."""
    metrics = counted(ground)
    end = time.time() - 1
    (whole,) = await metrics.samples(ground.selector, end - 40, end)
    middle = whole.samples[len(whole.samples) // 2][0]
    first = await metrics.samples(ground.selector, end - 40, middle)
    last = await metrics.samples(ground.selector, middle, end)
    joined = [sample for part in (first, last) for one in part for sample in one.samples]
    assert joined == list(whole.samples)


async def test_no_data_is_an_empty_answer_and_no_error(ground: Ground) -> None:
    """A series that nobody counts, and a window in which nothing was scraped."""
    metrics = counted(ground)
    now = time.time()
    assert await metrics.samples(ground.nothing, now - 60, now) == []
    assert await metrics.samples(ground.selector, now + 1000, now + 1060) == []


async def test_a_value_is_a_number_and_nothing_where_there_is_none(ground: Ground) -> None:
    """A query of the user's own yields one number; a provider that cannot compute refuses it, and says what can."""
    if not ground.query:
        with pytest.raises(InvalidError, match=r"needs a Prometheus that answers.*--begin and --end"):
            await ground.values.value("vector(42)")
        return
    assert await ground.values.value(ground.nothing.metric) is None
    assert await ground.values.value(ground.query) == 42.0


def test_each_row_of_the_table_is_tried_on_a_server_of_its_own() -> None:
    """A provider without one would be promised, and not tried."""
    assert set(SERVERS) == set(PROVIDERS)


async def test_providers_are_named_as_in_flagger_and_unknown_ones_refused_by_name() -> None:
    """With the field, and those that there are."""
    async with httpx.AsyncClient() as http:
        with pytest.raises(
            InvalidError, match=r"spec\.provider\.type 'datadog' is not supported yet; use one of: prometheus"
        ):
            Providers(http).values("datadog")


async def test_the_manifest_s_address_goes_before_the_installation_s_and_one_server_is_one_provider() -> None:
    """Rollouts that name the same server share its batches and its clock; without any address the way out is named."""
    async with httpx.AsyncClient() as http:
        providers = Providers(http, {"prometheus": "http://own.test/"})
        own = providers.values("prometheus")
        assert isinstance(own, Prometheus)
        assert own.address == "http://own.test"
        assert providers.values("prometheus", "http://own.test") is own
        assert providers.counters() is providers.counters("http://own.test/")
        other = providers.values("prometheus", "http://other.test")
        assert isinstance(other, Prometheus)
        assert other.address == "http://other.test"
        with pytest.raises(TerminalError, match=r"set SLUICE_METRICS_URL, or spec\.metricsServer"):
            Providers(http).counters()


async def test_an_installation_s_own_provider_is_a_row_more() -> None:
    """One that has values and no samples: queries are answered by it, requests are counted elsewhere."""
    own = MemoryMetrics(values={"answer": 42.0})
    async with httpx.AsyncClient() as http:
        providers = Providers(http, {"acme": "http://acme.test"}, {**PROVIDERS, "acme": lambda at: Provider(own)})
        assert await providers.values("acme").value("answer") == 42.0
        with pytest.raises(InvalidError, match="use one of: acme, prometheus"):
            providers.values("datadog")


def server(handle: Callable[[httpx.Request], httpx.Response]) -> Prometheus:
    return Prometheus("http://prometheus.test", httpx.AsyncClient(transport=httpx.MockTransport(handle)))


def vector(*values: str) -> httpx.Response:
    result = [{"metric": {"n": str(at)}, "value": [1.0, value]} for at, value in enumerate(values)]
    return httpx.Response(200, json={"status": "success", "data": {"resultType": "vector", "result": result}})


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        pytest.param(vector(), None, id="no series"),
        pytest.param(vector("NaN"), None, id="0 divided by 0 is no data"),
        pytest.param(vector("99.5"), 99.5, id="one"),
        pytest.param(vector("NaN", "7"), 7.0, id="one that is a number"),
        pytest.param(
            httpx.Response(200, json={"data": {"resultType": "scalar", "result": [1.0, "3"]}}), 3.0, id="a scalar"
        ),
    ],
)
async def test_a_value_of_prometheus(answer: httpx.Response, value: float | None) -> None:
    """NaN is no data, and neither good nor bad."""
    assert await server(lambda _: answer).value("q") == value


async def test_samples_that_are_no_numbers_are_left_out() -> None:
    """A NaN among counts would make every sum NaN: where all are, the provider is silent."""
    counted, broken = [[1.0, "5"], [2.0, "NaN"], [3.0, "+Inf"], [4.0, "7"]], [[1.0, "NaN"]]
    result = [{"metric": {"x": "y"}, "values": counted}, {"metric": {"x": "z"}, "values": broken}]
    answer = httpx.Response(200, json={"status": "success", "data": {"resultType": "matrix", "result": result}})
    found = await server(lambda request: answer).samples(select("x_total"), 0.0, 10.0)
    assert found == [Series({"x": "y"}, ((1.0, 5.0), (4.0, 7.0)))]


async def test_several_series_where_one_is_needed_are_refused() -> None:
    """The last one never wins silently: the query has to be aggregated."""
    with pytest.raises(InvalidError, match="gives 2 series where one value is needed; aggregate it: sum"):
        await server(lambda _: vector("1", "2")).value(" sum ")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(httpx.Response(400, text="parse error"), InvalidError, id="refused"),
        pytest.param(httpx.Response(422, text="too many samples"), LimitError, id="its limits"),
        pytest.param(httpx.Response(400, json={"errorType": "bad_data"}), InvalidError, id="refused by kind"),
        pytest.param(httpx.Response(400, json={"errorType": "timeout"}), TransientError, id="a status for everything"),
        pytest.param(httpx.Response(429, text="slow down"), TransientError, id="too many requests"),
        pytest.param(httpx.Response(503, text="timeout"), TransientError, id="overloaded"),
        pytest.param(httpx.Response(502, text="<html>"), TransientError, id="a proxy"),
        pytest.param(httpx.Response(200, text="<html>"), TransientError, id="a page"),
        pytest.param(httpx.Response(200, json={"status": "success"}), TransientError, id="no data in it"),
        pytest.param(httpx.Response(200, json=[]), TransientError, id="another form"),
    ],
)
async def test_what_prometheus_cannot_answer(answer: httpx.Response, error: type[Exception]) -> None:
    """A wrong query is the user's; everything else says nothing of the canary."""
    with pytest.raises(error, match=r"Prometheus at http://prometheus\.test"):
        await server(lambda _: answer).samples(select("x"), 0.0, 1.0)


async def test_a_prometheus_that_is_away_is_transient() -> None:
    """A refused connection and a timeout are alike."""

    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow", request=request)

    with pytest.raises(TransientError, match="does not answer"):
        await server(away).value("q")
    async with httpx.AsyncClient(trust_env=False) as http:
        with pytest.raises(TransientError, match="does not answer"):
            await Prometheus("http://127.0.0.1:9", http).value("q")


@pytest.mark.parametrize(("hours", "agree"), [(1, False), (-1, False), (0, True)])
async def test_samples_are_dated_by_the_provider_s_clock(hours: int, agree: bool) -> None:
    """A host whose clock is wrong still asks for the right samples."""
    told = format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)
    metrics = server(lambda _: httpx.Response(200, json=vector("1").json(), headers={"Date": told}))
    assert abs(metrics.now() - time.time()) < 1
    await metrics.value("q")
    assert metrics.now() - time.time() == pytest.approx(3600 * hours, abs=3)
    assert (metrics.ahead == 0.0) == agree


@pytest.mark.lab
async def test_the_lab_s_envoy_counts_in_the_form_the_router_says(lab_env: dict[str, Any]) -> None:
    """The names in the router's telemetry exist in a real Envoy's statistics."""
    async with httpx.AsyncClient(trust_env=False) as http:
        prometheus = Prometheus(lab_env["prometheus_url"], http)
        for name in ("envoy_cluster_upstream_rq_xx", "envoy_cluster_upstream_rq_time_bucket"):
            assert await prometheus.value(f'count({name}{{envoy_cluster_name!=""}})'), name


async def test_values_are_matched_to_the_letter() -> None:
    """A dot in a service's name is a dot, and no wildcard; a quote ends nothing."""
    queries: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        queries.append(parse_qs(request.content.decode())["query"][0])
        return vector()

    some, only = frozenset({'a.b"c', "d"}), frozenset({("namespace", "a-b")})
    await server(handle).samples(Selector("x", "s", some, frozenset({"+Inf"}), only), 0.0, 1.0)
    assert queries == ['x{s=~"a\\\\.b\\"c|d",le=~"\\\\+Inf",namespace=~"a-b"}[1000ms]']


async def test_whatever_has_a_label_is_asked_for_by_its_being_there() -> None:
    """An empty pattern would match only what lacks it."""
    queries: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        queries.append(parse_qs(request.content.decode())["query"][0])
        return vector()

    await server(handle).samples(Selector("x", "s", frozenset()), 0.0, 1.0)
    assert queries == ['x{s!=""}[1000ms]']


@pytest.mark.parametrize("status", [400, 503, None], ids=["refused", "in trouble", "away"])
async def test_a_login_in_the_address_is_sent_and_never_shown(status: int | None) -> None:
    """Managed Prometheus servers ask for one; messages name the server without it."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if status is None:
            raise httpx.ConnectError("nobody there", request=request)
        return httpx.Response(status, text="no")

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    with pytest.raises((InvalidError, TransientError), match=r"https://prometheus\.example/one") as caught:
        await Prometheus("https://bot:TOKEN@prometheus.example/one", http).value("up")
    assert asked[0].headers["Authorization"] == "Basic Ym90OlRPS0VO"
    assert "TOKEN" not in str(caught.value)
