"""What a release was judged by is kept in Prefect and judged once more from the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from prefect import flow

from blocks.prefect_recordings import last_release, recorded_releases
from deployments.replay import policy_of, release_of, told, tuned
from sluice.errors import InvalidError, NotFoundError
from sluice.judge.policy import DEFAULT
from sluice.judge.recording import Recorder, Release
from sluice.judge.sequential import Look, judge
from sluice.judge.verdict import Verdict
from tasks.analyse import StepResult
from tasks.record import record
from tasks.rollout_ref import RolloutRef
from tests.deployments.conftest import Runtime
from tests.sluice.judge.traffic import SUCCESS, Watch


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
    assert list(release.replay())[-1].judgement == bad.judgement
    assert [one.release for one in await recorded_releases(2)] == ["other.test@1.1.0", "replayed.test@1.1.0"]
    with pytest.raises(NotFoundError, match=r"no release of nobody\.test is recorded"):
        await last_release("nobody", "test")


def kept(folder: Path, bad: int, outcome: str) -> Path:
    file = folder / f"{outcome}.json"
    release = Release(release="shop.test@1.1.0", outcome=outcome, recordings=step(bad).recordings)
    file.write_text(release.model_dump_json())
    return file


def test_the_command_line_tells_when_the_word_fell_and_draws_it(tmp_path: Path) -> None:
    """A file is enough: neither Prefect nor a cluster is asked."""
    file, picture, copy = kept(tmp_path, 10, "rolled back"), tmp_path / "a.svg", tmp_path / "copy.json"
    asked = [sys.executable, "-m", "deployments.cli", "replay", str(file), "--chart", str(picture), "--save", str(copy)]
    run = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    title, *lines = run.stdout.splitlines()
    assert title == "shop.test@1.1.0, rolled back"
    assert "fail" in lines[-1]
    assert "request-success-rate 50 %" in lines[-1]
    assert picture.read_text().startswith("<svg")
    assert json.loads(copy.read_text()) == json.loads(file.read_text())


def test_a_stricter_policy_is_tried_on_the_same_release(tmp_path: Path) -> None:
    """The lines say that it takes the release back later."""
    release = release_of(str(kept(tmp_path, 2, "rolled back")))
    ends = [list(release.replay(policy_of(alpha, None)))[-1].at for alpha in (0.05, 1e-9)]
    assert ends[0] < ends[1]
    assert len(list(told(release, list(release.replay())))) > 1


def test_policies_are_set_side_by_side(tmp_path: Path) -> None:
    """One line for each, with what it would have cost and won."""
    releases = [Release.parse(kept(tmp_path, *one).read_bytes()) for one in ((0, "promoted"), (10, "rolled back"))]
    head, *lines = tuned(releases)
    assert head.split()[:2] == ["alpha", "interleave"]
    assert all(line.split()[2:6] == ["1", "0", "1", "1"] for line in lines if " no " in line)


@pytest.mark.parametrize("which", ["nowhere.json/x", "shop", "."])
def test_what_names_no_release_is_told(which: str) -> None:
    """With the two forms that do."""
    with pytest.raises(InvalidError, match=r"neither a file nor a Canary's NAME\.NAMESPACE"):
        release_of(which)


def test_an_error_rate_that_is_none_is_refused() -> None:
    """By the name of the option."""
    with pytest.raises(InvalidError, match="--alpha"):
        policy_of(1.5, None)
