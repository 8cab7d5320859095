"""Edits of files of flags: whatever the file looks like, what is restored is byte by byte what was there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sluice.errors import InvalidError
from sluice.flags.files import features, flagd
from sluice.flags.flag import OFF, Turn, Wish, restored
from sluice.flags.flipt.edits import edits

FEATURES = Path("tests/blocks/flags/features.yml").read_text()
FLAGD = Path("tests/blocks/flags/flags.json").read_text()
LOOKS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "BOM": lambda text: "\ufeff" + text,
    "no newline at the end": lambda text: text.rstrip("\n"),
    "not only ASCII": lambda text: text.replace("for everybody", "für alle 😀"),
}
YAML_LOOKS = LOOKS | {
    "lists at the column of their key": lambda text: text.replace("\n  - key", "\n- key").replace("\n    ", "\n  "),
    "a comment at the end": lambda text: text + "# the end\n",
}
JSON_LOOKS = LOOKS | {
    "tabs": lambda text: text.replace("  ", "\t"),
    "one line": lambda text: json.dumps(json.loads(text)),
    "escapes": lambda text: text.replace("for everybody", "\\ud83d\\ude00 \\/ \\u00fc"),
}
SHARES = (Wish(turn=Turn.SHARE, share=10.0), Wish(turn=Turn.SHARE, share=12.5), Wish(turn=Turn.ON))


@pytest.mark.parametrize("look", YAML_LOOKS)
@pytest.mark.parametrize("key", ["plain-on", "quarter", "staff-only", "color"])
def test_features_off_and_restored(key: str, look: str) -> None:
    """OFF adds or changes lines of that flag only; RESTORE gives the bytes back."""
    text = YAML_LOOKS[look](FEATURES)
    before = {flag.key: flag for flag in features.read(text, "default", "a test")}
    off = features.edited(text, "default", key, edits(before[key], OFF), "a test")
    after = {flag.key: flag for flag in features.read(off, "default", "a test")}
    assert {one: flag for one, flag in after.items() if one != key} == {
        one: flag for one, flag in before.items() if one != key
    }
    assert after[key].served().everybody in ("false", None)
    back = edits(after[key], restored(before[key].state()))
    assert features.edited(off, "default", key, back, "a test") == text


@pytest.mark.parametrize("look", YAML_LOOKS)
@pytest.mark.parametrize("key", ["plain-off", "plain-on", "quarter", "staff-only"])
def test_features_shares_keep_all_other_lines(key: str, look: str) -> None:
    """One share after the other, and then on."""
    text = first = YAML_LOOKS[look](FEATURES)
    for wish in SHARES:
        flag = next(one for one in features.read(text, "default", "a test") if one.key == key)
        text = features.edited(text, "default", key, edits(flag, wish), "a test")
    kept = [line for line in first.splitlines() if line in text.splitlines()]
    assert len(kept) >= len(first.splitlines()) - 3


@pytest.mark.parametrize("look", JSON_LOOKS)
@pytest.mark.parametrize("key", ["plain-on", "quarter", "staff-only"])
def test_flagd_off_and_restored(key: str, look: str) -> None:
    """The targeting that was there is still written as it was."""
    text = JSON_LOOKS[look](FLAGD)
    before = next(one for one in flagd.read(text, "prod", "a test") if one.key == key).environments["prod"]
    off = flagd.edited(text, key, OFF, "a test")
    now = next(one for one in flagd.read(off, "prod", "a test") if one.key == key).environments["prod"]
    assert (now.served.everybody, now.switched_off) == ("false", True)
    back = flagd.edited(off, key, restored(before), "a test")
    if key != "plain-on":
        assert back == text
    # What had no targeting has an empty one now, which means that too; nothing else of the file is another one.
    was, now_is = (json.loads(_bare(one))["flags"] for one in (text, back))
    assert {one: {"targeting": {}, **raw} for one, raw in was.items()} == {
        one: {"targeting": {}, **raw} for one, raw in now_is.items()
    }


@pytest.mark.parametrize("look", JSON_LOOKS)
def test_flagd_shares(look: str) -> None:
    """A share that is no whole number has finer weights; others of the file stay."""
    text = JSON_LOOKS[look](FLAGD)
    for wish in SHARES:
        text = flagd.edited(text, "quarter", wish, "a test")
    flags = json.loads(_bare(text))["flags"]
    assert flags["quarter"]["defaultVariant"] == "on"
    assert {key: raw for key, raw in flags.items() if key != "quarter"} == {
        key: raw for key, raw in json.loads(_bare(JSON_LOOKS[look](FLAGD)))["flags"].items() if key != "quarter"
    }


def test_a_flag_that_is_named_twice_is_refused() -> None:
    """Which of the two counts, readers do not agree on."""
    twice = (
        '{"flags": {"a": {"state": "ENABLED", "variants": {"on": true}}, "a": {"state": "ENABLED", "variants": {}}}}'
    )
    with pytest.raises(InvalidError, match="twice"):
        flagd.read(twice, "prod", "a test")


def test_words_that_other_readers_take_for_something_else_are_texts() -> None:
    """A variant `on` or `off` is a text for Flipt, which reads by Go's rules."""
    text = "flags:\n  - key: a\n    enabled: true\n    variants:\n      - key: on\n        default: true\n      - key: off\n"
    (flag,) = features.read(text, "default", "a test")
    assert (flag.variants, flag.served().everybody) == (("on", "off"), "on")


def _bare(text: str) -> str:
    return text.removeprefix("\ufeff")
