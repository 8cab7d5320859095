"""What a release was judged by is kept in Prefect, or exported from Prometheus, and judged once more."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import zlib
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from prefect import flow
from prefect.settings import PREFECT_API_URL, temporary_settings

from blocks.prefect.recordings import last_release, recorded_releases
from deployments.tools.replay import _aware, drawn, ended, lines, release_of, seconds_of
from deployments.tools.tune import releases_of, tuned
from sluice.errors import InvalidError, NotFoundError, TransientError
from sluice.judge.policy import DEFAULT
from sluice.judge.sequential import Look, judge
from sluice.judge.verdict import Verdict
from sluice.replay.judges import Asked, judge_of, judges_of
from sluice.replay.recording import Recorder, Recording, Release, replay
from sluice.replay.tuning import tried
from sluice.rollout.result import StepResult
from tasks.people.record import record
from tasks.scene.rollout_ref import RolloutRef
from tests.deployments.conftest import Runtime
from tests.samples import canary_manifest
from tests.sluice.judge.traffic import SUCCESS, Watch

ROOT = Path(__file__).parents[3]


def step(bad: int, blocks: int = 10) -> StepResult:
    """A step at 10 % with so many bad requests of 20 in each scrape, as the stage that analyses leaves it."""
    watch = Watch()
    recorder = Recorder(10, watch.state, (SUCCESS,), DEFAULT)

    def look(look: Look) -> object:
        before = watch.state
        watch.state, said = judge(before, (SUCCESS,), look)
        recorder.note(look, before, watch.state)
        return said

    watch.look = look  # type: ignore[method-assign, assignment]
    words = list(watch.all([(20, bad, 180, 0)] * blocks))
    last = next((word for word in words if word.verdict is Verdict.FAIL), words[-1])
    return StepResult(step=0, weight=10, judgement=last, fatal=True, recordings=(recorder.packed(),))


@pytest.mark.server
async def test_a_release_is_judged_again_with_the_word_that_it_got(sut: Runtime) -> None:
    """From the artifact of its run, whatever else was released since: the same verdict with the same numbers."""
    bad, good = step(bad=10), step(bad=0)

    @flow(name="leaves records", persist_result=False)
    async def leave(name: str, judged: StepResult, outcome: str) -> None:
        ref = RolloutRef(namespace="test", name=name, revision="r1", version="1.1.0")
        await record(ref, outcome, judged.judgement.reason, [judged], 100.0)

    await leave("replayed", good, "promoted")
    await leave("replayed", bad, "rolled back")
    await leave("other", good, "promoted")
    release = await last_release("replayed", "test")
    assert (release.release, release.outcome) == ("replayed.test@1.1.0", "rolled back")
    assert list(replay(release.steps()))[-1].judgement == bad.judgement
    assert [one.release for one in await recorded_releases(2)] == ["other.test@1.1.0", "replayed.test@1.1.0"]
    with pytest.raises(NotFoundError, match=r"no release of nobody\.test is recorded"):
        await last_release("nobody", "test")


def kept(folder: Path, bad: int, outcome: str) -> Path:
    file = folder / f"{outcome}.json"
    release = Release(release="shop.test@1.1.0", outcome=outcome, recordings=step(bad).recordings)
    file.write_text(release.model_dump_json())
    return file


def asked_of(*asked: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deployments.cli", *map(str, asked)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def sluice(*asked: str | Path) -> list[str]:
    """The lines that the command line prints."""
    run = asked_of(*asked)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def test_a_file_that_cannot_be_written_is_an_error_of_one_line(tmp_path: Path) -> None:
    """By the option that names it, whichever command is asked."""
    file, nowhere = kept(tmp_path, 10, "rolled back"), tmp_path / "nowhere" / "x"
    for command, option in (("replay", "--save"), ("replay", "--chart"), ("tune", "--chart")):
        run = asked_of(command, file, option, nowhere)
        assert run.returncode == 1
        assert run.stderr == f"error {option} {nowhere} cannot be written: No such file or directory\n"


def test_the_command_line_tells_when_the_word_fell_and_draws_it(tmp_path: Path) -> None:
    """A file is enough: neither Prefect nor a cluster is asked."""
    file, picture, copy = kept(tmp_path, 10, "rolled back"), tmp_path / "a.svg", tmp_path / "copy.json"
    title, *lines = sluice("replay", file, "--chart", picture, "--save", copy)
    assert title == "shop.test@1.1.0, rolled back; judged by evidence, as it was"
    assert "fail" in lines[-1]
    assert "request-success-rate 50 %" in lines[-1]
    assert picture.read_text().startswith("<svg")
    assert json.loads(copy.read_text()) == json.loads(file.read_text())


def test_any_judge_is_asked_on_the_command_line(tmp_path: Path) -> None:
    """Flagger's rule on the same release, and both rules side by side with a picture."""
    file, picture = kept(tmp_path, 10, "rolled back"), tmp_path / "tune.svg"
    asked = ("--judge", "threshold", "--interval", "4s", "--threshold", "2")
    title, *lines = sluice("replay", *asked, file)
    assert title.endswith("judged by threshold, 2 failed checks, 4 s apart")
    assert lines[-1].split()[:5] == ["8.0", "s", "10", "%", "fail"]
    head, *rows = sluice("tune", "--alpha", "0.01", "--interval", "4s", "--threshold", "2", "--chart", picture, file)
    assert head.split()[0] == "judge"
    kinds = [row.split(",")[0] for row in rows]
    assert (kinds.count("evidence"), kinds.count("threshold")) == (2, 1)
    assert picture.read_text().startswith("<svg")


def test_a_stricter_policy_is_tried_on_the_same_release(tmp_path: Path) -> None:
    """The lines say that it takes the release back later, and by whom it was judged."""
    release = release_of(str(kept(tmp_path, 2, "rolled back")))
    judges = [judge_of("evidence", Asked(alpha=alpha)) for alpha in (0.05, 1e-9)]
    ends = [list(judge.judge(release.steps()))[-1].at for judge in judges]
    assert ends[0] < ends[1]
    said = list(judges[0].judge(release.steps()))
    assert next(lines(release, said, judges[0])).endswith("judged by evidence, alpha 0.05")
    assert len(list(lines(release, said, judges[0]))) > 1


def test_a_judge_without_a_word_says_so(tmp_path: Path) -> None:
    """A release that was over before Flagger's first check; a picture of it is empty and no error."""
    release, judge = release_of(str(kept(tmp_path, 10, "rolled back"))), judge_of("threshold", Asked(interval=60.0))
    assert list(lines(release, [], judge))[1:] == ["no verdict: what is recorded ends before this judge has one"]
    assert drawn(release, [], judge).startswith("<svg")


def test_a_picture_is_red_where_the_judge_that_was_asked_takes_the_release_back(tmp_path: Path) -> None:
    """Whatever became of it then."""
    release = release_of(str(kept(tmp_path, 10, "promoted")))
    for asked, colour in ((1, "#dc2626"), (9, "#16a34a")):
        judge = judge_of("threshold", Asked(interval=4.0, threshold=asked))
        assert f'stroke="{colour}" stroke-width="2"/>' in drawn(release, list(judge.judge(release.steps())), judge)


def test_judges_are_set_side_by_side(tmp_path: Path) -> None:
    """One line for each, with what it would have cost and won, and a word on what was too short for it."""
    files = [kept(tmp_path, *one) for one in ((0, "promoted"), (10, "rolled back"))]
    releases = releases_of(files, 1)
    head, *lines, note = tuned(list(tried(releases, list(judges_of({"interval": (10.0,), "threshold": (1, 5)})))))
    assert head.split()[:2] == ["judge", "promoted"]
    cells = {line[:46].strip(): line[46:].split() for line in lines}
    bets = [row for name, row in cells.items() if name.startswith("evidence")]
    assert all(row[:5] == ["1", "0", "1", "1", "0"] for row in bets)
    assert cells["threshold, 1 failed check, 10 s apart"] == ["1", "0", "1", "1", "0", "10.0", "s"]
    assert cells["threshold, 5 failed checks, 10 s apart"] == ["1", "0", "1", "0", "1", ">=", "50", "s"]
    assert note.startswith("too short: ")


def test_a_past_release_is_told_to_have_been_good_or_bad() -> None:
    """Nothing else is of use to `sluice tune`."""
    release = Release(release="shop.test", outcome="from Prometheus", recordings=())
    assert ended(release, "") is release
    assert ended(release, "rolled back").outcome == "rolled back"
    with pytest.raises(InvalidError, match=r"--outcome 'good' .* 'promoted' or 'rolled back'"):
        ended(release, "good")


@pytest.mark.parametrize(("text", "seconds"), [("60s", 60.0), ("1m30s", 90.0), ("60", 60.0), ("0.5", 0.5)])
def test_an_interval_is_a_duration_of_a_manifest(text: str, seconds: float) -> None:
    """Or a number of seconds."""
    assert seconds_of("--interval", text) == seconds
    with pytest.raises(InvalidError, match=r"--interval: .*is not a duration"):
        seconds_of("--interval", f"{text}!")


def test_a_file_that_is_no_recording_is_told(tmp_path: Path) -> None:
    """By its name, whoever reads it."""
    other = tmp_path / "shop.yaml"
    other.write_text("kind: Canary")
    for read in (lambda: release_of(str(other)), lambda: releases_of([other], 1)):
        with pytest.raises(InvalidError, match=r"shop\.yaml: not a recorded release"):
            read()
    with pytest.raises(InvalidError, match=r"nowhere"):
        releases_of([tmp_path / "nowhere"], 1)


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n\x1a\n\x00", b"{}", b"[1]", b"hello", b'{"status": "success"}', b"a: [b"]
)
def test_what_is_no_recording_is_said_in_one_line(tmp_path: Path, content: bytes) -> None:
    """Nothing of the library that reads it; and as a manifest it is none either."""
    file = tmp_path / "other"
    file.write_bytes(content)
    with pytest.raises(InvalidError) as caught:
        release_of(str(file))
    assert str(caught.value) == f"{file}: not a recorded release, as `sluice replay --save` writes one"
    with pytest.raises(InvalidError, match=r"(is no manifest: it is not YAML|has 0 Canaries where one is needed)$"):
        release_of(str(file), files=[file])


def test_a_recording_that_is_damaged_is_said_in_one_line() -> None:
    """A recording of another version names the fields that are missing."""
    for packed in ("!", base64.b64encode(b"x").decode(), base64.b64encode(zlib.compress(b"{}")).decode()):
        with pytest.raises(InvalidError, match=r"^not a recording that this version reads: [^\n]*$"):
            Recording.unpacked(packed)


def test_a_manifest_alone_is_told_what_is_missing(tmp_path: Path) -> None:
    """It says nothing of when, or of where the samples are."""
    file = tmp_path / "shop.yaml"
    file.write_text(yaml.safe_dump_all([{"kind": "Service"}, canary_manifest()]))
    with pytest.raises(InvalidError, match=r"shop\.yaml: .* a manifest: .* --from FILE, or with --begin and --end"):
        release_of(str(file))


def test_the_documents_name_times_that_are_taken() -> None:
    """Each line of README and docs/replay.md with `--begin`: what follows is a time; a bare one is UTC, as --help says."""
    written = [
        re.findall(r"sluice replay .*--(?:begin|end) .*", (ROOT / name).read_text())
        for name in ("README.md", "docs/replay.md")
    ]
    assert all(written)
    for line in (one for found in written for one in found):
        begin, end = (datetime.fromisoformat(at) for at in re.findall(r"--(?:begin|end) (\S+)", line))
        assert begin.tzinfo is not None
        assert begin < end
    helped = " ".join(" ".join(sluice("replay", "--help")).replace("│", " ").split())
    assert "2026-03-14T11:00Z" in helped
    assert "without a zone it is UTC" in helped
    assert _aware(datetime(2026, 3, 14, 11)) == datetime.fromisoformat("2026-03-14T11:00Z")


@pytest.mark.parametrize("missing", ["missing.json", "shop.yaml", "shop.yml"])
def test_a_file_that_is_not_there_is_no_canary(missing: str) -> None:
    """Prefect is not asked for a Canary in the namespace `json`."""
    for read in (
        lambda: release_of(missing),
        lambda: release_of(missing, files=[Path("a")]),
        lambda: releases_of([Path(missing)], 1),
    ):
        with pytest.raises(InvalidError, match=f"^no file {missing}$"):
            read()


@pytest.mark.parametrize("most", [0, -3])
def test_no_releases_at_most_are_none_to_try(most: int) -> None:
    """Instead of saying that none is recorded; Prefect is not asked."""
    with pytest.raises(InvalidError, match=f"--most is 1 at least, not {most}"):
        releases_of([], most)


@pytest.mark.parametrize("which", ["nowhere.json/x", "shop", "."])
def test_what_names_no_release_is_told(which: str) -> None:
    """With the two forms that do."""
    with pytest.raises(InvalidError, match=r"neither a file nor a Canary's NAME\.NAMESPACE"):
        release_of(which)


async def test_a_prefect_that_is_away_is_told_with_the_way_out() -> None:
    """No traceback: whoever asks for a recording learns who did not answer, and what to set."""
    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}),
        pytest.raises(TransientError, match="SLUICE_PREFECT_API_URL"),
    ):
        await last_release("shop", "test")
