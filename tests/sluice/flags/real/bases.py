"""Public code bases of more than 50,000 lines: how each is had, how flags get into it, and what checks it."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab import paths
from lab.programs import cache, compilers, toolchain
from sluice.flags.calls import Argument, FlagCall
from tests.sluice.flags.planting import GO, PYTHON, TYPESCRIPT, Plant, Shape

WITHIN_S = 1800
APIMACHINERY, EFFECT, DJANGO = "v0.37.2", "3.22.4", "5.2.8"
GO_FLAGS = """package planted

import "context"

type api struct{}

var (
	Client api
	Ctx    = context.Background()
)

func (api) Boolean(_ context.Context, key string, _ bool, _ any) bool { return values[key] }

func (api) BooleanValue(_ context.Context, key string, _ bool, _ any) (bool, error) { return values[key], nil }

var values = map[string]bool{%s}
"""
TYPESCRIPT_FLAGS = """const values: Record<string, boolean> = {%s}

export const plantedFlags = {
  isEnabled: (key: string): boolean => values[key] === true
}
"""
PYTHON_FLAGS = """VALUES = {%s}


class Flags:
    def is_enabled(self, key):
        return VALUES[key]


flags = Flags()
"""
TYPESCRIPT_SETTINGS = {
    "strict": True, "target": "es2022", "module": "nodenext", "moduleResolution": "nodenext", "noEmit": True,
    "skipLibCheck": True, "exactOptionalPropertyTypes": True, "downlevelIteration": True, "types": [],
    "lib": ["es2022", "dom", "dom.iterable"],
}  # fmt: skip


@dataclass(frozen=True)
class Base:
    """One code base.

    Attributes:
        name: and version.
        language: as the table of languages calls it.
        fetched: brings it into an empty folder.
        sources: which of its files may be planted into.
        shapes: the ways in which flags are planted.
        imported: brings the flags' name into a text.
        calls: how the planted code asks.
        whole: which lines are statements for themselves.
        served: where the flags are, and their text with the values.
        checked: what its own checks say, as text that can be compared.
    """

    name: str
    language: str
    fetched: Callable[[Path], None]
    sources: Callable[[str, str], bool]
    shapes: tuple[Shape, ...]
    imported: Callable[[str, str], str]
    calls: tuple[FlagCall, ...]
    whole: Callable[[str], set[int]] | None
    served: Callable[[list[Plant]], tuple[str, str]]
    checked: Callable[[Path], str]

    def folder(self) -> Path:
        """Where it is, fetched once."""
        place = paths.cache_root() / f"flags-{self.name}"
        cache.made_once(place, self.fetched)
        return place

    def texts(self) -> dict[str, str]:
        """All its texts in its language, by path."""
        ends = {"go": ".go", "typescript": ".ts", "python": ".py"}[self.language]
        others = {"node_modules", "needed"}
        files = [file for file in sorted(self.folder().rglob(f"*{ends}")) if not others & set(file.parts)]
        if self.language == "python":  # what its tests are made of is run, not searched
            files = [file for file in files if file.is_relative_to(self.folder() / "django")]
        found = {}
        for file in files:
            try:
                found[str(file.relative_to(self.folder()))] = file.read_bytes().decode()
            except UnicodeDecodeError:
                continue
        return found


def _run(command: list[str | Path], folder: Path, **more: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **more}, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    return f"{done.returncode}\n{done.stdout}{done.stderr}"


def _go(folder: Path) -> None:
    said = toolchain.run_go(folder, WITHIN_S, "mod", "download", "-json", f"k8s.io/apimachinery@{APIMACHINERY}")
    shutil.copytree(json.loads(said)["Dir"], folder, dirs_exist_ok=True)
    for file in folder.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)


def _typescript(folder: Path) -> None:
    npm = toolchain.program("npm") or "npm"
    compilers.run(
        [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder, f"effect@{EFFECT}"], folder
    )
    shutil.copytree(folder / "node_modules" / "effect" / "src", folder / "src")
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": TYPESCRIPT_SETTINGS, "include": ["src"]}))


def _python(folder: Path) -> None:
    pip: list[str | Path] = [sys.executable, "-m", "pip"]
    compilers.run([*pip, "download", "-q", "--no-deps", "--no-binary", ":all:", f"django=={DJANGO}"], folder, WITHIN_S)
    archive = next(folder.glob("*.tar.gz"))
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    inner = folder / f"django-{DJANGO}"
    for name in ("django", "tests"):
        (inner / name).rename(folder / name)
    archive.unlink()
    shutil.rmtree(inner)
    compilers.run([*pip, "install", "-q", "--target", folder / "needed", "asgiref", "sqlparse"], folder, WITHIN_S)


def _relative(path: str, text: str) -> str:
    up = "../" * (path.count("/") - 1) or "./"
    place = re.search(r"^import ", text, re.MULTILINE)
    start = place.start() if place else 0
    return f'{text[:start]}import {{ plantedFlags }} from "{up}planted.js"\n{text[start:]}'


def _above_imports(_path: str, text: str) -> str:
    tree = ast.parse(text)
    first = next(
        one for one in tree.body
        if isinstance(one, ast.Import) or (isinstance(one, ast.ImportFrom) and one.module != "__future__")
    )  # fmt: skip
    lines = text.split("\n")
    lines.insert(first.lineno - 1, "from planted import flags")
    return "\n".join(lines)


def _statements(text: str) -> set[int]:
    """Lines (from 0) that are one statement, or the head of an `if` that is no `elif`."""
    lines = text.split("\n")
    found = set()
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.If)
            and node.test.end_lineno == node.lineno
            and lines[node.lineno - 1].strip()[:3] == "if "
        ):
            found.add(node.lineno - 1)
        if isinstance(node, ast.Assign | ast.AugAssign | ast.Expr | ast.Return) and node.end_lineno == node.lineno:
            alone = lines[node.lineno - 1].strip() == ast.get_source_segment(text, node)
            found |= {node.lineno - 1} if alone else set()
    return found


def _has_imports(text: str) -> bool:
    try:
        rows = ast.parse(text).body
    except SyntaxError:
        return False
    return any(
        isinstance(one, ast.Import) or (isinstance(one, ast.ImportFrom) and one.module != "__future__") for one in rows
    )


def _values(plants: list[Plant], true: str = "true", false: str = "false") -> str:
    return ", ".join(f'"{one.key}": {true if one.shape.value == "true" else false}' for one in plants)


def _python_checks(folder: Path) -> str:
    """A part of Django's own tests, without what differs from run to run."""
    labels = [
        "template_tests",
        "forms_tests",
        "utils_tests",
        "urlpatterns",
        "model_fields",
        "queries",
        "migrations",
        "responses",
    ]
    said = _run(
        [sys.executable, "-W", "ignore", "runtests.py", "--parallel", "2", *labels], folder / "tests",
        PYTHONPATH=f"{folder}:{folder / 'needed'}",
    )  # fmt: skip
    compiled = _run([sys.executable, "-m", "compileall", "-q", "django"], folder)
    counts = re.findall(r"^(?:Ran \d+ tests|OK.*|FAILED.*|ERROR: .*|FAIL: .*)", said, re.MULTILINE)
    return "\n".join([*sorted(counts), compiled]) if counts else said[-3000:]


def _typescript_checks(folder: Path) -> str:
    """What the type checker says, by file and without lines."""
    said = _run([*compilers.typescript(), "-p", "."], folder)
    return "\n".join(sorted(re.sub(r"\(\d+,\d+\)", "", line) for line in said.splitlines() if "error TS" in line))


BASES: Mapping[str, Base] = {
    "go": Base(
        f"apimachinery-{APIMACHINERY}",
        "go",
        _go,
        lambda path, text: (
            "import (\n" in text and not re.search(r"_test\.go$|zz_gen|\.pb\.go|testdata|third_party", path)
        ),
        GO,
        lambda _path, text: text.replace("import (\n", 'import (\n\t"k8s.io/apimachinery/planted"\n', 1),
        (
            FlagCall("Client.Boolean", frozenset({"go"}), key=Argument(1)),
            FlagCall("BooleanValue", frozenset({"go"}), key=Argument(1)),
        ),
        None,
        lambda plants: ("planted/planted.go", GO_FLAGS % _values(plants)),
        lambda folder: _run([toolchain.go_binary(), "build", "./..."], folder, **toolchain.go_environment()),
    ),
    "typescript": Base(
        f"effect-{EFFECT}",
        "typescript",
        _typescript,
        lambda path, text: path.startswith("src/") and "\nimport " in text,
        TYPESCRIPT,
        _relative,
        (FlagCall("plantedFlags.isEnabled", frozenset({"typescript"})),),
        None,
        lambda plants: ("src/planted.ts", TYPESCRIPT_FLAGS % _values(plants)),
        _typescript_checks,
    ),
    "python": Base(
        f"django-{DJANGO}",
        "python",
        _python,
        lambda path, text: path.startswith("django/") and "conf/" not in path and _has_imports(text),
        PYTHON,
        _above_imports,
        (FlagCall("flags.is_enabled", frozenset({"python"})),),
        _statements,
        lambda plants: ("planted.py", PYTHON_FLAGS % _values(plants, "True", "False")),
        _python_checks,
    ),
}
