"""Runs many programs in Go, before and after: one module with one package for each side, one build."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.programs import toolchain
from tests.sluice.flags.corpus.go_runs import RUNTIME

TIMEOUT_S = 900
MAIN = """package main

import (
	"encoding/json"
	"fmt"

	"corpus/rt"
	after_off "corpus/off"
	after_on "corpus/on"
	"corpus/before"
)

func run(f func(int) string, on bool) string {
	rt.On, rt.Layout = on, map[bool]string{true: "wide", false: "narrow"}[on]
	text := ""
	for n := 0; n < 4; n++ {
		text += f(n) + "|" + rt.Notes() + ";"
	}
	return text
}

func main() {
	all := map[string][]string{
%s
	}
	text, _ := json.Marshal(all)
	fmt.Println(string(text))
}
"""
ROW = (
    '\t\t"%(n)d": {run(programs.Case%(n)d, true), run(after_on.Case%(n)d, %(on)s), '
    "run(programs.Case%(n)d, false), run(after_off.Case%(n)d, %(off)s)},"
)


def answers(
    folder: Path, sides: Mapping[str, Mapping[int, str]], flags: Mapping[int, Sequence[bool]]
) -> dict[int, list[str]]:
    """What each program answers: on, on without the flag, off, off without the flag.

    `sides` are the texts by number: before, on, off. `flags` says what the flag is when the programs without it run.
    """
    (folder / "go.mod").write_text("module corpus\n\ngo 1.21\n")
    (folder / "rt").mkdir()
    (folder / "rt" / "rt.go").write_text(RUNTIME)
    for side, texts in sides.items():
        (folder / side).mkdir()
        for number, text in texts.items():
            (folder / side / f"p{number}.go").write_text(text)
    rows = [ROW % {"n": n, "on": str(on).lower(), "off": str(off).lower()} for n, (on, off) in flags.items()]
    (folder / "main.go").write_text(MAIN % "\n".join(rows))
    toolchain.run_go(folder, TIMEOUT_S, "build", "-gcflags=-e", "-o", "programs", ".")
    done = subprocess.run([folder / "programs"], capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    return {int(number): found for number, found in json.loads(done.stdout).items()}
