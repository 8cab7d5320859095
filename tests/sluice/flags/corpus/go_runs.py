"""Runs programs of Go before and after: one module, one build, one line of output for each program and flag."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from lab.programs import toolchain

TIMEOUT_S = 600
RUNTIME = """package rt

import (
	"context"
	"strings"
)

var (
	On     bool
	Layout string
	notes  []string
	Ctx    = context.Background()
	User   = map[string]string{}
)

type api struct{}

var Client api

func (api) Boolean(ctx context.Context, key string, d bool, user map[string]string) bool {
	return key == "new-checkout" && On
}

func (c api) BooleanValue(ctx context.Context, key string, d bool, user map[string]string) (bool, error) {
	return c.Boolean(ctx, key, d, user), nil
}

func (api) String(ctx context.Context, key, d string, user map[string]string) string {
	if key == "layout" {
		return Layout
	}
	return d
}

func Note(s string)    { notes = append(notes, s) }
func Yes(n int) bool   { Note("yes"); return n > 0 }
func Prefix() string   { Note("prefix"); return "<" }
func Notes() string    { out := strings.Join(notes, ","); notes = nil; return out }
"""
MAIN = """package main

import (
	"encoding/json"
	"fmt"

	"corpus/rt"
%(imports)s
)

func run(name string, f func(int) string) map[string]string {
	out := map[string]string{}
	for _, on := range []bool{true, false} {
		rt.On, rt.Layout = on, map[bool]string{true: "wide", false: "narrow"}[on]
		text := ""
		for n := 0; n < 4; n++ {
			text += f(n) + "|" + rt.Notes() + ";"
		}
		out[map[bool]string{true: "on", false: "off"}[on]] = text
	}
	return out
}

func main() {
	all := map[string]map[string]string{
%(rows)s
	}
	text, _ := json.Marshal(all)
	fmt.Println(string(text))
}
"""


def answers(folder: Path, programs: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """What each program (its texts by path below its own folder) answers, by its name, where the flag is on and off."""
    (folder / "go.mod").write_text("module corpus\n\ngo 1.21\n")
    (folder / "rt").mkdir()
    (folder / "rt" / "rt.go").write_text(RUNTIME)
    imports, rows = [], []
    for number, (name, texts) in enumerate(programs.items()):
        for path, text in texts.items():
            file = folder / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        main = next(iter(sorted(path.rpartition("/")[0] for path in texts)))
        imports.append(f'\tp{number} "corpus/{name}/{main}"'.replace('/"', '"'))
        rows.append(f'\t\t"{name}": run("{name}", p{number}.Case),')
    (folder / "main.go").write_text(MAIN % {"imports": "\n".join(imports), "rows": "\n".join(rows)})
    return dict(json.loads(toolchain.run_go(folder, TIMEOUT_S, "run", ".")))


def run_its_tests(folder: Path) -> None:
    """Run the tests that programs have of their own; an error where one fails or does not compile."""
    packages = {f"./{file.parent.relative_to(folder)}" for file in folder.rglob("*_test.go")}
    toolchain.run_go(folder, TIMEOUT_S, "test", "-count=1", *sorted(packages))


def unformatted(folder: Path) -> list[str]:
    """The files that gofmt would change."""
    gofmt = toolchain.go_binary().parent / "gofmt"
    done = subprocess.run([gofmt, "-l", "."], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    return done.stdout.split()
