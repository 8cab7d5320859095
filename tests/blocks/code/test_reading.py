"""Reading code that nobody vouches for: in a process of its own, within bounds, and never run."""

from __future__ import annotations

from pathlib import Path

import pytest

from blocks.code import reading
from blocks.code.kept import MOST_KEPT, Kept
from blocks.code.reading import Reading
from sluice.errors import InvalidError, SluiceError, TransientError
from sluice.flags.reference import Place, Reference
from sluice.flags.sdks import SDKS

CALLS = tuple(call for calls in SDKS.values() for call in calls)
ASKS = """\
from openfeature import api

if api.get_client().get_boolean_value('a', False):
    print(1)
else:
    print(2)
"""


@pytest.fixture
def sut(tmp_path: Path) -> Reading:
    return Reading(tmp_path / "code")


async def test_references_and_removals_come_back_as_they_were_found(sut: Reading) -> None:
    """Over the pipe and back."""
    files = {"python": {"a.py": ASKS}}
    (found,) = (await sut.references(files, CALLS, "team/shop"))["python"]
    assert (found.flag, found.place.path, found.place.line, found.sure) == ("a", "a.py", 3, True)
    ((removal,),) = await sut.removals(files, CALLS, [("a", "true")], "team/shop")
    text = removal.texts["a.py"]
    assert text is not None
    assert "print(1)" in text
    assert "print(2)" not in text


async def test_nothing_of_a_repository_is_run(sut: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its modules nor its settings, whatever they are called; not even where this process stands in it."""
    trap = f"open({str(tmp_path / 'ran')!r}, 'w').close()\n"
    for name in ("sitecustomize.py", "libcst.py", "blocks.py", "json.py", "conftest.py"):
        (tmp_path / name).write_text(trap)
    monkeypatch.chdir(tmp_path)
    await sut.references({"python": {"a.py": trap + ASKS, "setup.py": trap}}, CALLS, "team/shop")
    assert not (tmp_path / "ran").exists()


async def test_what_a_text_does_to_a_parser_ends_its_process_and_nothing_else(sut: Reading) -> None:
    """Either it is passed over, or it is refused with the repository's name; what comes next is read."""
    deep = "x = client.get_boolean_value('a', " + "(" * 50_000 + ")" * 50_000 + ")\n"
    try:
        await sut.references({"python": {"deep.py": deep}}, CALLS, "team/shop")
    except SluiceError as error:
        assert "team/shop" in str(error)  # noqa: PT017 - refusing it is one of two right answers
    assert len((await sut.references({"python": {"a.py": ASKS}}, CALLS, "team/shop"))["python"]) == 1


async def test_a_process_that_fails_names_the_repository_and_no_text_of_it(sut: Reading) -> None:
    """What it says last may have a line of code in it."""
    with pytest.raises(InvalidError, match=r"team/shop: its code could not be read .*`exclude`") as refused:
        await sut.references({"no such language": {"a": "secret-of-theirs"}}, CALLS, "team/shop")
    assert "secret-of-theirs" not in str(refused.value)


async def test_what_takes_too_long_is_ended(sut: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    """And may be tried again."""
    monkeypatch.setattr(reading, "TIMEOUT", 0.0)
    with pytest.raises(TransientError, match="team/shop"):
        await sut.references({"python": {"a.py": ASKS}}, CALLS, "team/shop")


def test_what_was_found_is_kept_by_what_it_was_found_in(tmp_path: Path) -> None:
    """Other files, other calls or another path is something else; what cannot be read is as what is not there."""
    kept, blobs = Kept(tmp_path / "code"), [("a.py", "1" * 40), ("b.py", "2" * 40)]
    name = kept.name("python", blobs, CALLS)
    assert kept.find(name) is None
    kept.keep(name, [Reference("a", Place("a.py", 3), "is_on", "python")])
    assert kept.find(kept.name("python", reversed(blobs), CALLS)) == (
        Reference("a", Place("a.py", 3), "is_on", "python"),
    )
    others = [
        kept.name("python", [("c.py", "1" * 40), ("b.py", "2" * 40)], CALLS),
        kept.name("python", blobs, CALLS[1:]),
        kept.name("go", blobs, CALLS),
    ]
    assert [kept.find(one) for one in others] == [None] * 3
    for broken in ("", "{", '[{"flag": 1}]', '{"a": 1}'):
        (tmp_path / "code" / f"{name}.json").write_text(broken)
        assert kept.find(name) is None


def test_what_is_kept_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was used longest ago goes first."""
    from blocks.code import kept as room

    assert MOST_KEPT > 20 * 4
    monkeypatch.setattr(room, "MOST_KEPT", 3)
    kept = Kept(tmp_path)
    for at in range(6):
        kept.keep(f"n{at}", [])
    assert len(list(tmp_path.iterdir())) == 3
