"""A text is read once: what it held is known by its content, within bounds, and no reader meets what another one changed."""

from __future__ import annotations

import datetime
import marshal
from pathlib import Path
from typing import Any

import pytest

from blocks.renderers import plain as plain_module
from blocks.renderers.parsed import Parsed
from tests.blocks.renderers.test_kustomize import CONFIG, spec, tree


class Reading:
    """Reads texts, and counts them."""

    def __init__(self, *found: Any) -> None:
        self.found, self.times = found, 0

    def __call__(self, text: bytes) -> list[Any]:
        self.times += 1
        return [{"text": text.decode(), "list": [1, 2.0, None, True]}, *self.found]


def test_a_text_is_read_once_and_each_reader_has_objects_of_its_own() -> None:
    """Whole numbers stay whole, and fractions fractions."""
    sut, read = Parsed(1000, 100), Reading()
    first = sut.of(b"a", read)
    first[0]["list"].append("mine")
    second = sut.of(b"a", read)
    assert (second, read.times) == ([{"text": "a", "list": [1, 2.0, None, True]}], 1)
    assert isinstance(second[0]["list"][1], float)


def test_what_was_used_last_is_kept_within_the_bytes() -> None:
    """And what is too large is read each time."""
    read = Reading()
    three = 3 * len(marshal.dumps(read(b"a")))
    sut, read = Parsed(three, 100), Reading()
    for text in (b"a", b"b", b"a", b"c", b"d", b"a"):
        sut.of(text, read)
    assert read.times == 4
    sut.of(b"b", read)
    assert read.times == 5
    for _ in range(2):
        sut.of(bytes(101), read)
    assert read.times == 7


def test_what_is_no_plain_data_is_read_each_time() -> None:
    """A date comes out as it went in."""
    sut, read = Parsed(1000, 100), Reading(datetime.date(2026, 1, 1))
    assert sut.of(b"a", read) == sut.of(b"a", read)
    assert read.times == 2


def test_a_file_that_did_not_change_is_not_read_as_yaml_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hundred files one changed: one is parsed."""
    texts: list[bytes] = []
    documents = plain_module._documents

    def counted(text: bytes) -> list[Any]:
        texts.append(text)
        return documents(text)

    monkeypatch.setattr(plain_module, "_documents", counted)
    monkeypatch.setattr(plain_module, "known", Parsed(1 << 20, 1 << 16))
    files = {f"app/{index}.yaml": CONFIG.format(f"of-parsed-{index}") for index in range(100)}
    first = plain_module.plain(tree(tmp_path / "one", files), spec("app"))
    assert len(texts) == 100
    texts.clear()
    changed = files | {"app/7.yaml": CONFIG.format("changed")}
    second = plain_module.plain(tree(tmp_path / "two", changed), spec("app"))
    assert len(texts) == 1
    assert first is not None
    assert second is not None
    assert len([one for one in second if one not in first]) == 1
