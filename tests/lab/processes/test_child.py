"""A program that is started here: its lives, its words, its end."""

from __future__ import annotations

import ast
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.paths import CHECKOUT
from lab.processes import keeper
from lab.processes.child import Child

SPEAKER = "import os, time; print('life', os.environ['LIFE'], flush=True); time.sleep(60)"
PARENT = "import subprocess, sys; print(subprocess.Popen(['sleep', '60']).pid, flush=True); import time; time.sleep(60)"
WITHIN_S = 10


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    """A program that says something and waits."""
    made = Child("speaker", [sys.executable, "-c", SPEAKER], tmp_path / "log", {"LIFE": "first"})
    yield made
    made.stop()


def test_a_second_life_goes_on_in_the_same_log(child: Child) -> None:
    """What a life says counts for that life only."""
    child.start()
    child.wait_until(lambda: child.says("life"), WITHIN_S, "speaking")
    child.kill()
    assert not child.running
    assert not child.wanted
    child.start()
    assert child.life == 2
    child.wait_until(lambda: child.says("life"), WITHIN_S, "speaking")
    assert child.log.read_text().splitlines() == ["life first"] * 2


def test_one_that_was_frozen_still_ends_politely(child: Child) -> None:
    """A stopped process takes no request to end until it goes on."""
    child.start()
    child.signal(signal.SIGSTOP)
    child.stop()
    assert not child.running


def test_what_it_left_behind_ends_with_it(tmp_path: Path) -> None:
    """Whatever it started in its own process group."""
    parent = Child.started("parent", [sys.executable, "-c", PARENT], tmp_path / "log")
    parent.wait_until(lambda: parent.log.read_text().endswith("\n"), WITHIN_S, "a parent")
    grandchild = keeper.process(int(parent.log.read_text()))
    assert grandchild is not None
    parent.stop()
    assert keeper.end([grandchild], grace_s=WITHIN_S) == []


def test_one_that_ends_too_soon_is_an_error_with_the_end_of_its_log(tmp_path: Path) -> None:
    """The reason is where one reads of it."""
    broken = Child.started(
        "broken", [sys.executable, "-c", "print('no such table'); raise SystemExit(3)"], tmp_path / "log"
    )
    with pytest.raises(LabError, match=r"broken ended with 3 before ready(.|\n)*no such table"):
        broken.wait_until(lambda: False, WITHIN_S, "ready")
    broken.stop()


def test_what_the_lab_and_the_bench_start_carries_the_mark_by_which_lab_down_finds_it() -> None:
    """What started it may be killed by SIGKILL; then nobody but `lab down` ends its children, and it goes by the mark."""
    unmarked, calls = [], 0
    for file in (*(CHECKOUT / "lab").rglob("*.py"), *(CHECKOUT / "bench").rglob("*.py")):
        text = file.read_text()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"Child", "Child.started"}:
                calls += 1
                around = ast.get_source_segment(text, _function_of(node, ast.parse(text))) or ""
                if "mark" not in around:
                    unmarked.append(f"{file.relative_to(CHECKOUT)}:{node.lineno}")
    assert calls >= 6
    assert not unmarked


def _function_of(call: ast.Call, module: ast.Module) -> ast.AST:
    """The innermost function around a call."""
    around = [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.lineno <= call.lineno <= (node.end_lineno or 0)
    ]
    return max(around, key=lambda node: node.lineno)
