"""Past traffic of a Canary as a release that can be judged: what is asked for, and what is told where it cannot be."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from deployments.tools.past import canary_in, past_release
from deployments.tools.replay import release_of
from sluice.errors import InvalidError, NotFoundError, TransientError
from sluice.judge.verdict import Verdict
from sluice.measures.counts import Counts, Sides
from sluice.replay.checks import Checks
from sluice.replay.judges import judge_of
from sluice.replay.recording import replay
from tests.samples import canary, canary_manifest, success_rate

BEGIN, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 1, tzinfo=UTC)
SUCCESS = "request-success-rate"
NOBODY = "http://127.0.0.1:9"


def test_the_canary_of_a_manifest_is_found_among_others(tmp_path: Path) -> None:
    """As `kubectl apply -f` takes it."""
    file = tmp_path / "shop.yaml"
    file.write_text(yaml.safe_dump_all([{"kind": "Service"}, canary_manifest()]))
    assert canary_in(file).name == "shop"
    file.write_text(yaml.safe_dump_all([canary_manifest(), canary_manifest(name="other")]))
    with pytest.raises(InvalidError, match="has 2 Canaries where one is needed"):
        canary_in(file)
    with pytest.raises(InvalidError, match="nowhere"):
        canary_in(tmp_path / "nowhere")


async def test_what_cannot_be_judged_is_told() -> None:
    """Times that are not in order, no counted metric, and a Prometheus that is not there, by their names."""
    judged = canary({"analysis": {"metrics": [success_rate(99)]}})
    with pytest.raises(InvalidError, match="is not after --begin"):
        await past_release(judged, NOBODY, END, BEGIN)
    with pytest.raises(InvalidError, match="no counted metric"):
        await past_release(canary(), NOBODY, BEGIN, END)
    with pytest.raises(TransientError, match="127"):
        await past_release(judged, NOBODY, BEGIN, END)


def test_one_time_alone_is_refused() -> None:
    """Instead of judging until now, or since ever."""
    with pytest.raises(InvalidError, match="--begin and --end go together"):
        release_of("shop.test", begin=BEGIN)


SCRAPES, EACH = 40, 2.0
FIRST = BEGIN.timestamp()


def exported(folder: Path, bad: int, form: str = "json") -> list[Path]:
    """Of a canary's 20 requests between two scrapes so many fail; the primary has ten times as many, and no bad one."""
    series = []
    for half, good, failed in (("canary", 20 - bad, bad), ("primary", 200, 0)):
        for code, each in (("2", good), ("5", failed)):
            labels = {"envoy_cluster_name": f"shop-test_shop-{half}_80", "envoy_response_code_class": code}
            counts = [(FIRST + EACH * at, 1000 + each * at) for at in range(SCRAPES + 1)]
            series.append(({"__name__": "envoy_cluster_upstream_rq_xx", **labels}, counts))
    file = folder / form
    if form == "json":
        result = [{"metric": labels, "values": [[at, str(v)] for at, v in counts]} for labels, counts in series]
        file.write_text(json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}))
        return [file]
    lines = [_line(labels, at, value) for labels, counts in series for at, value in counts]
    file.write_text("\n".join([*lines, "# EOF"]))
    return [file]


def _line(labels: dict[str, str], at: float, value: int) -> str:
    inside = ",".join(f'{k}="{v}"' for k, v in labels.items() if k != "__name__")
    return f"{labels['__name__']}{{{inside}}} {value:g} {at:.3f}"


def shop(folder: Path) -> Path:
    file = folder / "shop.yaml"
    analysis = {"interval": "10s", "threshold": 3, "interleave": True, "metrics": [success_rate(99)]}
    file.write_text(yaml.safe_dump(canary_manifest({"analysis": analysis})))
    return file


@pytest.mark.parametrize("form", ["json", "openmetrics"])
def test_exported_files_are_judged_from_their_first_sample_to_their_last(tmp_path: Path, form: str) -> None:
    """By any judge, as the manifest has it judged: what was there before the first sample counts nothing."""
    release = release_of(str(shop(tmp_path)), files=exported(tmp_path, 4, form))
    (recording,) = release.steps()
    assert (recording.interleave, recording.checks) == (True, Checks(interval=10.0, threshold=3))
    assert (release.began, len(recording.looks)) == (FIRST, SCRAPES)
    assert recording.looks[-1].scrapes[SUCCESS][0][1] == Sides(Counts(800, 160), Counts(8000, 0))
    *_, evidence = judge_of("evidence").judge([recording])
    *_, threshold = judge_of("threshold").judge([recording])
    assert evidence.judgement.verdict is threshold.judgement.verdict is Verdict.FAIL
    assert (threshold.at - FIRST, threshold.judgement.reason[:22]) == (30.0, "3 of 3 failed checks: ")
    assert evidence.at - FIRST < 30.0


def test_times_cut_a_piece_out_of_exported_files(tmp_path: Path) -> None:
    """Each may be given alone: the files say the other."""
    late = BEGIN + timedelta(seconds=60)
    files, manifest = exported(tmp_path, 0), str(shop(tmp_path))
    pieces = [release_of(manifest, files=files, begin=late), release_of(manifest, files=files, end=late)]
    assert [[len(one.looks) for one in piece.steps()] for piece in pieces] == [[10], [30]]
    assert [list(replay(one.steps()))[-1].judgement.verdict for one in pieces] == [Verdict.CONTINUE, Verdict.CONTINUE]


def test_exported_files_without_the_canary_are_told(tmp_path: Path) -> None:
    """With what was sought, so that name, namespace and port can be compared; and times that have nothing in them."""
    files, manifest = exported(tmp_path, 0), shop(tmp_path)
    with pytest.raises(NotFoundError, match=r"json has no samples of .* from 2027"):
        release_of(
            str(manifest), files=files, begin=datetime(2027, 1, 1, tzinfo=UTC), end=datetime(2027, 1, 2, tzinfo=UTC)
        )
    manifest.write_text(manifest.read_text().replace("port: 80", "port: 81"))
    with pytest.raises(NotFoundError, match="rq_xx with envoy_cluster_name shop-test_shop-canary_81 or shop-test"):
        release_of(str(manifest), files=files)
    with pytest.raises(InvalidError, match="nowhere"):
        release_of(str(manifest), files=[tmp_path / "nowhere"])


def test_series_that_a_user_names_are_judged_from_files_too(tmp_path: Path) -> None:
    """With the labels that they must have; those of another namespace are not his."""
    lines = [
        f'orders_total{{service="shop-{half}",namespace="{space}",result="{result}"}} {each * at} {FIRST + EACH * at:.3f}'
        for half, space, result, each in (
            ("canary", "shop-test", "ok", 15),
            ("canary", "shop-test", "lost", 5),
            ("canary", "other", "lost", 99),
            ("primary", "shop-test", "ok", 200),
        )
        for at in range(SCRAPES + 1)
    ]
    (tmp_path / "orders.om").write_text("\n".join(lines))
    orders = {
        "name": "accepted",
        "thresholdRange": {"min": 99},
        "counted": {"series": "orders_total", "good": {"result": "ok"}},
    }
    manifest = tmp_path / "shop.yaml"
    manifest.write_text(yaml.safe_dump(canary_manifest({"analysis": {"metrics": [orders]}})))
    (recording,) = release_of(str(manifest), files=[tmp_path / "orders.om"]).steps()
    assert recording.looks[-1].scrapes["accepted"][0][1] == Sides(Counts(800, 200), Counts(8000, 0))
    manifest.write_text(manifest.read_text().replace("namespace: shop-test", "namespace: nobody-s"))
    with pytest.raises(
        NotFoundError, match=r"orders_total with service shop-canary or shop-primary and namespace nobody-s"
    ):
        release_of(str(manifest), files=[tmp_path / "orders.om"])


@pytest.mark.parametrize(
    ("value", "at", "said"),
    [("1e308", FIRST, "requests were counted where"), ("40", 1e20, "a sample at 1e.20, which is no time")],
)
def test_numbers_that_nothing_can_have_are_an_error_that_says_so(
    tmp_path: Path, value: str, at: float, said: str
) -> None:
    """A counter at the end of what a double can have, and a time in another unit."""
    series = []
    for half in ("canary", "primary"):
        for code in ("2", "5"):
            labels = {"envoy_cluster_name": f"shop-test_shop-{half}_80", "envoy_response_code_class": code}
            labels["__name__"] = "envoy_cluster_upstream_rq_xx"
            series.append({"metric": labels, "values": [[FIRST, "1"], [at + 2, value], [at + 4, value]]})
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"status": "success", "data": {"resultType": "matrix", "result": series}}))
    with pytest.raises(InvalidError, match=said):
        release_of(str(shop(tmp_path)), files=[file])
