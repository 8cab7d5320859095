"""Files that were exported from a Prometheus: what is read of them, and what is told where they are something else."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.metrics.exported import Exported
from blocks.metrics.openmetrics import samples_in
from sluice.errors import InvalidError
from sluice.measures.series import Selector, Series

ALL = (-math.inf, math.inf)


def answer(*entries: tuple[dict[str, str], list[list[object]]]) -> str:
    result = [{"metric": {"__name__": "x", **labels}, "values": values} for labels, values in entries]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})


def written(folder: Path, **texts: str) -> list[Path]:
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [folder / name for name in texts]


async def samples(files: list[Path], names: set[str] | None = None, value: str = "b") -> list[Series]:
    return await Exported.of(files, names or set()).samples(Selector("x", "a", frozenset({value})), *ALL)


async def test_files_of_both_forms_and_of_several_hours_are_one_history(tmp_path: Path) -> None:
    """A series that is in several files goes on, in the order of its times; samples that are in two are one."""
    early, late = answer(({"a": "b"}, [[1.5, "1"], [3.5, "2"]])), answer(({"a": "b"}, [[5.5, "1e+06"]]))
    files = written(tmp_path, late=late, early=early + "\n" + early, text='x{a="b"} 2 3.500\nx{a="b"} 7 4.500\n# EOF\n')
    (one,) = await samples(files)
    assert one == Series({"a": "b"}, ((1.5, 1.0), (3.5, 2.0), (4.5, 7.0), (5.5, 1e6)))
    assert Exported.of(files).now() == 5.5


async def test_answers_come_one_after_another_or_as_a_list(tmp_path: Path) -> None:
    """What a loop of curl appends to one file, with or without line ends."""
    a, b = answer(({"a": "b"}, [[1, "1"]])), answer(({"a": "b"}, [[2, "2"]]))
    for text in (a + b, f"{a}\n{b}\n", f"[{a},\n{b}]"):
        (one,) = await samples(written(tmp_path, many=text))
        assert [at for at, _ in one.samples] == [1.0, 2.0]


async def test_what_is_no_number_counts_nothing_and_other_metrics_are_not_kept(tmp_path: Path) -> None:
    """A dump may hold a million samples of which a judge needs a thousand."""
    text = 'y{a="b"} 1 1.000\nx{a="b"} NaN 1.000\nx{a="b"} +Inf 2.000\nx{a="b"} 3 3.000\n'
    files = written(tmp_path, text=text, json=answer(({"a": "b"}, [[4, "NaN"], [5, "5"]])))
    (one,) = await samples(files, {"x"})
    assert one.samples == ((3.0, 3.0), (5.0, 5.0))
    assert set(Exported.of(files, {"x"}).series) == {"x"}
    assert set(Exported.of(files).series) == {"x", "y"}
    assert Exported.of([], {"x"}).now() == pytest.approx(time.time(), abs=5)


NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,6}", fullmatch=True)


@given(
    st.dictionaries(
        NAMES, st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"])), max_size=4
    )
)
def test_labels_are_read_as_they_were_written(labels: dict[str, str]) -> None:
    """Quotes, backslashes, commas and braces in a value end nothing."""
    quoted = {k: v.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") for k, v in labels.items()}
    inside = ",".join(f'{k}="{v}"' for k, v in quoted.items())
    (found,) = samples_in([f"x{{{inside}}} 1e+06 1700000000.123\n"])
    assert found == ({"__name__": "x", **labels}, 1700000000.123, 1e6)


def test_a_name_that_is_no_identifier_stands_in_quotes() -> None:
    """As Prometheus 3 writes names with dots, and an exemplar is no part of a sample."""
    (found,) = samples_in(['{"x.y","l.m"="v"} 1 2.5 # {trace="z"} 1\n'])
    assert found == ({"__name__": "x.y", "l.m": "v"}, 2.5, 1.0)


JSON = '{"status":"success","data":{"resultType":%s,"result":%s}}'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(" \n", "it is empty", id="empty"),
        pytest.param("<html>\n<p> 1 2", "line 1: it is neither JSON nor a sample such as", id="a page"),
        pytest.param('x{a="b"} 1 1.000\nx{a=b} 1 2\n', 'line 2: its labels are no name="value"', id="labels"),
        pytest.param('x{a="b"} 1\n', "no time, as on an exporter's page; .*dump-openmetrics", id="an exporter's page"),
        pytest.param('{__name__="x",a="b"} 1 1700000000000\n', "in milliseconds; .*dump-openmetrics", id="tsdb dump"),
        pytest.param('x{a="b"} one 1.000\n', "line 1: could not convert", id="no number"),
        pytest.param(answer(({}, [[1, "1"]]))[:-9], "not JSON, or cut off", id="cut off"),
        pytest.param('{"status":"error","error":"parse error"}', "refused: parse error", id="an error"),
        pytest.param(
            JSON % ('"vector"', "[]"), r"resultType is 'vector' where 'matrix'.*query=NAME\[1h\]", id="vector"
        ),
        pytest.param(JSON % ('"matrix"', '[{"metric":{"a":"b"},"values":[]}]'), "not a rate or a sum", id="a rate"),
        pytest.param(JSON % ('"matrix"', '[{"values":[]}]'), "data.result.0.metric: Field required", id="no labels"),
        pytest.param(
            JSON % ('"matrix"', '[{"metric":{"__name__":"x"},"values":[[1,"one"]]}]'),
            r"values\.0\.1: .*number",
            id="a word",
        ),
        pytest.param('{"kind": "Canary"}', "not an answer of Prometheus' HTTP API: status", id="other JSON"),
        pytest.param("[1]", "not an answer of Prometheus' HTTP API", id="a list"),
    ],
)
async def test_what_is_no_export_is_told_by_its_file(tmp_path: Path, text: str, said: str) -> None:
    """And what to export instead."""
    with pytest.raises(InvalidError, match=rf"(?s)wrong: .*{said}"):
        await samples(written(tmp_path, wrong=text))


async def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """One that is not there, and one that is no text."""
    (tmp_path / "block").write_bytes(b"\xff\xfe\x00\x01")
    for name in ("nowhere", "block"):
        with pytest.raises(InvalidError, match=name):
            await samples([tmp_path / name])
