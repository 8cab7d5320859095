"""The order in which a flag leaves a repository: what is known is put in, what only that used goes, the rest is reported."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

from sluice.flags.calls import TRUTHS, FlagCall, may_read
from sluice.flags.languages.base import Left, Removal
from sluice.flags.languages.python.code.checks import NO_CODE, changed_meaning, still_generators
from sluice.flags.languages.python.code.repository import Repository
from sluice.flags.languages.python.code.source import Source, is_test
from sluice.flags.languages.python.edits.cut import cut
from sluice.flags.languages.python.edits.fold import folded
from sluice.flags.languages.python.found import Finder
from sluice.flags.languages.python.known import Known
from sluice.flags.languages.python.reads import Reads, only_answer
from sluice.flags.languages.python.trials import Tests
from sluice.flags.languages.python.unused import Unused
from sluice.flags.reference import Place

ROUNDS = 30
"""So often at most: each round takes away what the one before left unused, or leaves one more function as it is."""
WRITTEN = "the key is written here, not in a call that is known"
STUCK = "the condition is decided, but a part of it still has to run"


@dataclass(slots=True)
class Attempt:
    """One try: new texts, what went and what stays."""

    texts: dict[str, str] = field(default_factory=dict)
    removed: list[Place] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)


def remove(files: Mapping[str, str], flag: str, value: str, calls: tuple[FlagCall, ...]) -> Removal:
    """The repository without the flag, as far as that is surely safe."""
    before = Repository(files)
    tried = _tests(before, flag, value, calls)
    repository = Repository({**files, **tried.texts})
    kept: dict[tuple[str, int, int], str] = {}
    for _ in range(ROUNDS):
        attempt = _put_in(repository, flag, value, calls, kept)
        wrong = _wrong(repository, attempt)
        if not wrong:
            break
        kept |= wrong
    else:
        return Removal(flag, {}, (), tuple(sorted(Left(Place(path, 1), NO_CODE) for path in attempt.texts)))
    attempt.left = [_in_old(before, repository, one) for one in attempt.left] + tried.left
    texts = _without_unused(before, {**tried.texts, **attempt.texts})
    after = Repository({**files, **texts})
    left = {*attempt.left, *_still_written(before, after, flag, attempt.left)}
    changed = {path: text for path, text in texts.items() if text != files[path]}
    deleted = {path for path in changed if _is_empty(after, path)}
    removed = {*tried.removed, *attempt.removed, *_gone(before, after, changed)} if changed else set()
    new = {path: None if path in deleted else text for path, text in changed.items()}
    return Removal(flag, new, tuple(sorted(removed)), tuple(sorted(left)))


def _tests(repository: Repository, flag: str, value: str, calls: tuple[FlagCall, ...]) -> Attempt:
    """The files of tests without what sets the flag."""
    attempt = Attempt()
    if value not in TRUTHS:
        return attempt
    reads = Reads(repository, calls)
    words = {flag, *(call.parts[-1] for call in calls)} if _is_read(repository, flag) else set[str]()
    tests = Tests(reads, flag, value)
    for path in repository.paths:
        source = (
            repository.source(path) if is_test(path) and may_read(repository.files[path], frozenset(words)) else None
        )
        if source is None:
            continue
        found = tests.of(source)
        attempt.left += found.left
        if found.cuts:
            attempt.texts[path] = cut(source.text, found.cuts)
            starts = {*found.cuts.statements, *found.cuts.decorators, *found.cuts.opened}
            attempt.removed += [Place(path, line, column + 1) for line, column in starts]
    return attempt


def _is_read(repository: Repository, flag: str) -> bool:
    return any(flag in repository.files[path] for path in repository.paths)


def _in_old(before: Repository, repository: Repository, one: Left) -> Left:
    """A place in a file of tests that has changed since, by the line as it was."""
    old, new = before.source(one.place.path), repository.source(one.place.path)
    if old is None or new is None or old.text == new.text:
        return one
    return Left(Place(one.place.path, _old_line(old, new.lines[one.place.line - 1]), one.place.column), one.reason)


def _is_empty(after: Repository, path: str) -> bool:
    """Whether nothing is left in a file that anybody could want: no definition, and no file that names it."""
    source = after.source(path)
    stem = path.rpartition("/")[2].rpartition(".")[0]
    if source is None or stem in {"__init__", "conftest"}:
        return False
    idle = all(isinstance(one, ast.Import | ast.ImportFrom | ast.Expr | ast.Pass) for one in source.tree.body)
    only = idle and all(isinstance(getattr(one, "value", None), ast.Constant) for one in source.tree.body)
    return only and all(other == path for other in after.with_word(stem))


def _concerned(repository: Repository, flag: str, reads: Reads) -> list[str]:
    """The files that may read the flag: with its key, with a name that stands for it, or for what reads it."""
    words, done, paths = {flag}, set[str](), set[str]()
    while words - done:
        word = (words - done).pop()
        done.add(word)
        found = [path for path in repository.paths if word in repository.files[path]]
        for path in set(found) - paths:
            source = repository.source(path)
            words |= _standing_for(source, flag, words) if source else set()
        for path in found:
            paths.add(path)
            source = repository.source(path)
            words |= _standing_for(source, flag, words) if source else set()
    return sorted(paths)


def _standing_for(source: Source, flag: str, words: set[str]) -> set[str]:
    """The names of a file that are made of the key, or of another name that is: variables, members and functions."""
    names: set[str] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            answer = only_answer(node)
            if answer is not None and _names_any(answer, flag, words):
                names.add(node.name)
            continue
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if value is not None and source.function_around(node) is None and _names_any(value, flag, words):
            targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
            names |= {one.id for one in targets if isinstance(one, ast.Name)}
    return names


def _names_any(node: ast.AST, flag: str, words: set[str]) -> bool:
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and one.value == flag:
            return True
        if getattr(one, "id", getattr(one, "attr", None)) in words:
            return True
    return False


def _put_in(
    repository: Repository,
    flag: str,
    value: str,
    calls: tuple[FlagCall, ...],
    kept: dict[tuple[str, int, int], str],
) -> Attempt:
    reads = Reads(repository, calls)
    finder = Finder(Known(reads, flag, value, kept))
    attempt = Attempt()
    for path in _concerned(repository, flag, reads):
        source = repository.source(path)
        if source is None:
            continue
        found = finder.found(source)
        attempt.left += found.left
        if not found.values and not found.dropped:
            continue
        result = folded(source.text, found.values, found.dropped, found.constants)
        attempt.left += [Left(Place(path, span[0], span[1] + 1), STUCK) for span in result.stuck]
        attempt.removed += [*(source.place(read.node) for read in found.reads), *found.decorators]
        attempt.texts[path] = still_generators(source, result.text)
    return attempt


def _wrong(repository: Repository, attempt: Attempt) -> dict[tuple[str, int, int], str]:
    """The functions that would no longer be what they are, by their lines."""
    found: dict[tuple[str, int, int], str] = {}
    for path, text in attempt.texts.items():
        source = repository.source(path)
        for (first, last), why in changed_meaning(source, text) if source else ():
            found[path, first, last] = why
    return found


def _without_unused(repository: Repository, texts: Mapping[str, str]) -> dict[str, str]:
    now = dict(texts)
    for _ in range(ROUNDS):
        cuts = Unused(repository, Repository({**repository.files, **now}), set(now)).cuts()
        if not cuts:
            break
        for path, what in cuts.items():
            now[path] = cut(now.get(path, repository.files[path]), what)
    return now


def _still_written(before: Repository, after: Repository, flag: str, known: list[Left]) -> set[Left]:
    """Where the key still stands as a text, by the lines of the old file."""
    lines = {(one.place.path, one.place.line) for one in known}
    found: set[Left] = set()
    for path in after.paths:
        source = after.source(path) if flag in after.files[path] else None
        old = before.source(path)
        for node in ast.walk(source.tree) if source and old else ():
            if isinstance(node, ast.Constant) and node.value == flag and source and old:
                line = _old_line(old, source.lines[node.lineno - 1])
                if (path, line) not in lines:
                    found.add(Left(Place(path, line), WRITTEN))
    return found


def _old_line(old: Source, text: str) -> int:
    stripped = text.strip()
    return next((number for number, line in enumerate(old.lines, 1) if line.strip() == stripped), 1)


def _gone(before: Repository, after: Repository, changed: Mapping[str, str]) -> set[Place]:
    """Definitions and imports that were there and are not, by where they stood."""
    found: set[Place] = set()
    for path in changed:
        old, new = before.source(path), after.source(path)
        if old is None or new is None:
            continue
        for scope in (old.scopes.module, *(old.scopes.of[node] for node in old.tree.body if node in old.scopes.of)):
            names = {name for one in new.scopes.of.values() for name in one.names}
            found |= {old.place(node) for name, bound in scope.names.items() if name not in names for node in bound}
    return found
