"""How helm is run: fenced, private and with an end. The program here is a shell that does what a test is about."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from blocks.helm.program import MOST, Helm
from sluice.errors import InvalidError, TerminalError, TransientError


def script(folder: Path, text: str) -> Helm:
    """A program that does this."""
    place = folder / "helm"
    place.write_text(f"#!/bin/sh\n{text}\n")
    place.chmod(0o755)
    return Helm(folder, str(place))


async def test_its_environment_has_nothing_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_GITHUB_TOKEN", "s3cr3t")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test")
    async with script(tmp_path, "env").run() as run:
        seen = dict(line.split("=", 1) for line in (await run.call([], 10)).splitlines() if "=" in line)
        out = await run.call([], 10, reaches_out=True)
    assert not {name for name in seen if name.startswith("SLUICE") or "PROXY" in name.upper()}
    assert seen["HOME"] == seen["TMPDIR"] == str(run.folder)
    assert seen["HELM_NO_PLUGINS"] == "1"
    assert "HTTPS_PROXY=http://proxy.test" in out


async def test_values_and_the_way_are_for_one_user_and_gone_afterwards(tmp_path: Path) -> None:
    async with script(tmp_path, "true").run() as run:
        run.give_values({"password": "s3cr3t"})
        run.give_way("http://127.0.0.1:1/key")
        run.give_plan({"labels": {}})
        for file in (one for one in run.folder.rglob("*") if one.is_file()):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        assert stat.S_IMODE(run.folder.stat().st_mode) == 0o700
    assert not run.folder.exists()


async def test_each_act_is_a_process_with_a_client_of_its_own(tmp_path: Path) -> None:
    """What `persistentClient: false` asks for: an act knows kinds that the one before has made."""
    async with script(tmp_path, "echo $$").run() as run:
        assert await run.call(["install"], 10) != await run.call(["test"], 10)


async def test_what_helm_says_went_wrong_is__and_without_the_way(tmp_path: Path) -> None:
    said = (
        "echo 'level=WARN msg=\"something\"' >&2; "
        'echo "Error: UPGRADE FAILED: Get http://127.0.0.1:45/abc-D_1/api: no, nor https://user:pw@charts.test" >&2; exit 1'
    )
    async with script(tmp_path, said).run() as run:
        with pytest.raises(InvalidError) as failed:
            await run.call(["upgrade"], 10)
    assert str(failed.value) == "UPGRADE FAILED: Get the API server/api: no, nor https://charts.test"


async def test_a_failure_without_a_word_is_told_too(tmp_path: Path) -> None:
    async with script(tmp_path, "exit 3").run() as run:
        with pytest.raises(InvalidError, match="helm failed and said nothing"):
            await run.call(["upgrade"], 10)


async def test_output_is_read_to_its_end_and_kept_in_bounds(tmp_path: Path) -> None:
    async with script(tmp_path, "head -c 3000000 /dev/zero | tr '\\0' x; echo end").run() as run:
        out = await run.call([], 20)
    assert len(out) <= MOST
    assert out.endswith("xend\n")


async def test_one_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    async with script(tmp_path, f"sleep 60 & echo $! > {pid}; wait").run() as run:
        with pytest.raises(TransientError, match="took longer than"):
            await run.call(["upgrade"], 0.5)
    assert not lives(pid)


def lives(pid: Path) -> bool:
    """Whether the process runs; one that has ended and that nobody has waited for does not."""
    try:
        os.kill(int(pid.read_text()), 0)
        return "Z" not in Path(f"/proc/{pid.read_text().strip()}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


async def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    async with Helm(tmp_path, "no-such-helm").run() as run:
        with pytest.raises(TerminalError, match="install Helm 4"):
            await run.call(["version"], 10)
