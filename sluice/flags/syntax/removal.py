"""A repository without a flag: the calls become marks, the rules are applied, what only they used is taken away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ast_grep_py import SgNode

from sluice.flags.calls import FlagCall, of_language
from sluice.flags.languages.base import Left, Removal
from sluice.flags.reference import Place, Reference
from sluice.flags.spelling import camel
from sluice.flags.syntax.callers import METHODS, callers, disposable
from sluice.flags.syntax.cleanup import UnusedError, cleaned
from sluice.flags.syntax.facts import Facts
from sluice.flags.syntax.keys import Reading, Repository, constants_in
from sluice.flags.syntax.marks import ANSWER, PROMISE, VARIANT, Mark, Read, UnsafeError
from sluice.flags.syntax.members import hindrance, taken_out
from sluice.flags.syntax.remains import mentions, place_of, still_called
from sluice.flags.syntax.rules.expressions import is_condition, standard_of, uses_at_once
from sluice.flags.syntax.rules.table import finished, marks_of, reduced
from sluice.flags.syntax.text.tree import Edit, Tree, apply, span
from sluice.flags.syntax.wrappers import Answering, answering, with_wrappers

BOM = "\ufeff"
ROUNDS = 20


class TreeLanguage:
    """A language that is read as a syntax tree: all that it is, is its facts."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.name = facts.name
        self.suffixes = facts.suffixes

    def references(self, files: Mapping[str, str], calls: tuple[FlagCall, ...]) -> tuple[Reference, ...]:
        """Each place at which any flag is read, in the order of paths and lines."""
        repository = Repository(self._own(files), self.facts)
        known = with_wrappers(repository, of_language(calls, self.name))
        found = []
        for path in sorted(repository.files):
            if not any(call.parts[-1] in repository.files[path] for call in known):
                continue
            tree = repository.tree(path)
            here = [
                self._reference(tree, reading, reading.call not in calls)
                for reading in repository.readings(tree, known)
                if reading.key is not None or reading.parameter is None
            ]
            found += sorted(here, key=lambda one: one.place)
        return tuple(found)

    def _reference(self, tree: Tree, reading: Reading, wrapped: bool) -> Reference:
        why = f"wrapper, {reading.why}" if wrapped and reading.key is not None else reading.why
        name = ".".join(tree.callee(reading.node)) or f"{reading.call.name}.{reading.key or ''}"
        at, spelled = place_of(tree, reading.node), reading.call.members
        return Reference(reading.key or "", at, name, self.name, reading.key is not None, why, spelled)

    def remove(self, files: Mapping[str, str], flag: str, value: str, calls: tuple[FlagCall, ...]) -> Removal:
        """The repository as it is where the flag always has this value."""
        own = self._own(files)
        repository = Repository(own, self.facts)
        known = with_wrappers(repository, of_language(calls, self.name))
        attempt = Attempt(repository, flag, value, known)
        while (texts := attempt.made()) is None:
            attempt = Attempt(repository, flag, value, known, attempt.kept)
        return attempt.removal(texts, files)

    def _own(self, files: Mapping[str, str]) -> dict[str, str]:
        return {path: text.removeprefix(BOM) for path, text in sorted(files.items()) if path.endswith(self.suffixes)}


class Attempt:
    """One removal, with the calls that have proven to be unsafe left as they are."""

    def __init__(
        self,
        repository: Repository,
        flag: str,
        value: str,
        calls: tuple[FlagCall, ...],
        kept: Mapping[Place, str] | None = None,
    ) -> None:
        self.repository = repository
        self.facts = repository.facts
        self.flag = flag
        self.value = value
        self.calls = calls
        self.kept: dict[Place, str] = dict(kept or {})
        self.reads: dict[int, Read] = {}
        self.answering: set[str] = set()

    def made(self) -> dict[str, str] | None:
        """The new texts; None where one more call has to be kept."""
        try:
            texts = self._marked()
            texts = self._followed(texts)
            before = self.repository.files
            finish = {
                path: text if text is before[path] else finished(path, text, self.facts, self.reads)
                for path, text in texts.items()
            }
            after = cleaned(before, finish, self.facts, self.flag, self.calls) if self.reads else finish
            return {
                path: text if text is before[path] else self.facts.settled(before[path], text)
                for path, text in after.items()
            }
        except UnsafeError as error:
            self.kept[self.reads[error.number].place] = error.reason
        except UnusedError as error:
            numbers = [one for one in self.reads.values() if one.place.path == error.path] or list(self.reads.values())
            self.kept.update({one.place: error.reason for one in numbers})
        return None

    def _relevant(self) -> Iterator[str]:
        """The files that can read the flag: with its key, or with the name of a constant that is the key."""
        words = {self.flag} | {camel(self.flag) for call in self.calls if call.members}
        for path in self.repository.holding(self.flag):
            tree = self.repository.tree(path)
            for string in tree.find(self.facts.strings):
                if tree.string(string) == self.flag:
                    words |= {name for name in _names_around(string) if any(True for _ in constants_in(tree, name))}
        for path, text in self.repository.files.items():
            if any(word in text for word in words):
                yield path

    def _marked(self) -> dict[str, str]:
        texts = dict(self.repository.files)
        for path in self._relevant():
            tree = self.repository.tree(path)
            edits = [edit for one in self.repository.readings(tree, self.calls) for edit in self._mark(tree, one)]
            if edits:
                texts[path] = reduced(path, apply(tree.text, edits), self.facts, self.reads)
        return texts

    def _mark(self, tree: Tree, reading: Reading) -> tuple[Edit, ...]:
        place = place_of(tree, reading.node)
        if not reading.means(self.flag) or place in self.kept:
            return ()
        if reason := self._hindrance(tree, reading):
            self.kept[place] = reason
            return ()
        number = len(self.reads)
        call = self._as_used(tree, reading)
        read = self.reads[number] = Read(number, place, call, self.value, self.reads)
        letter = PROMISE if call.asynchronous else read.answer
        mark = str(Mark(letter, number))
        if reading.local is not None:
            return taken_out(tree, reading.node, reading.local, mark)
        return (Edit(*span(reading.node), mark),)

    def _as_used(self, tree: Tree, reading: Reading) -> FlagCall:
        """The row that fits: of a name that can give a promise or a value, and a boolean or a variant."""
        rows = [row for row in self.calls if row.name == reading.call.name and row.answers(self.value)]
        promised = [row for row in rows if row.asynchronous]
        at_once = [row for row in rows if not row.asynchronous]
        if promised and at_once:
            return (at_once if uses_at_once(tree, reading.node) else promised)[0]
        return rows[0] if rows else reading.call

    def _hindrance(self, tree: Tree, reading: Reading) -> str:
        if tree.broken_at(reading.node):
            return "the code around it could not be read"
        if not any(row.name == reading.call.name and row.answers(self.value) for row in self.calls):
            return f"it is asked for a {reading.call.kind}, and the flag is `{self.value}`"
        if reading.call.members:
            return hindrance(tree, reading.node)
        arguments = reading.node.field("arguments")
        before = tree.text[span(reading.node)[0] : span(arguments)[0]] if arguments is not None else ""
        if "?." in before and not self._same_without(tree, reading):
            return "it is asked only where its client is there (`?.`)"
        if (part := disposable(tree, reading.node)) is not None:
            return f"`{' '.join(part.split())[:60]}` among its arguments may do more than give a value"
        return ""

    def _same_without(self, tree: Tree, reading: Reading) -> bool:
        """Whether a flag that is off is as good as a client that is not there: only the truth of either counts."""
        if self.value not in {"true", "false"} or reading.call.asynchronous or reading.call.result:
            return False
        value = (self.value == "true") is not reading.call.negated
        if (standard := standard_of(reading.node)) is not None:
            return standard.text() == str(value).lower()
        return not value and is_condition(tree, reading.node)

    def _followed(self, texts: dict[str, str]) -> dict[str, str]:
        """The texts without calls of functions that do nothing but answer the flag, where these are known for certain."""
        done: set[tuple[str, str]] = set()
        for _ in range(ROUNDS):
            found = next(self._answering(texts, done), None)
            if found is None:
                return texts
            path, one, number = found
            edits: dict[str, list[Edit]] = {}
            for other, call in callers(texts, self.facts, path, one):
                tree = Tree(other, texts[other], self.facts)
                if disposable(tree, call) is not None:
                    self.answering.add(one.name.text())
                else:
                    edits.setdefault(other, []).append(Edit(*span(call), str(Mark(self._letter(number), number))))
            for other, several in edits.items():
                texts[other] = reduced(other, apply(texts[other], several), self.facts, self.reads)
        return texts

    def _letter(self, number: int) -> str:
        read = self.reads[number]
        return PROMISE if read.call.asynchronous else read.answer

    def _answering(self, texts: dict[str, str], done: set[tuple[str, str]]) -> Iterator[tuple[str, Answering, int]]:
        for path, text in texts.items():
            if "__sluice_" not in text:
                continue
            tree = Tree(path, text, self.facts)
            for node, mark in marks_of(tree):
                one = answering(tree, node, mark)
                if one is None or (path, one.name.text()) in done:
                    continue
                done.add((path, one.name.text()))
                if one.node.kind() in METHODS:
                    self.answering.add(one.name.text())
                read = self.reads[mark.number]
                number = len(self.reads)
                whole = mark.letter in {ANSWER, PROMISE}
                negated = (
                    read.call.negated
                    if whole or mark.letter == VARIANT
                    else (mark.letter == "F") == (self.value == "true")
                )
                call = replace(
                    read.call,
                    asynchronous=one.asynchronous or mark.letter == PROMISE,
                    result=read.call.result if whole else "",
                    negated=negated,
                )
                self.reads[number] = Read(number, read.place, call, read.value, self.reads)
                yield path, one, number

    def removal(self, texts: Mapping[str, str], files: Mapping[str, str]) -> Removal:
        """What came of it."""
        changed: dict[str, str | None] = {}
        left = [Left(place, reason) for place, reason in self.kept.items()]
        for path, text in texts.items():
            if text != self.repository.files[path]:
                empty = self.facts.emptied(text) and not self.facts.emptied(self.repository.files[path])
                changed[path] = None if empty else (BOM if files[path].startswith(BOM) else "") + text
            if self.flag in text:
                left += mentions(self.repository, self.calls, self.flag, path, text)
            left += still_called(self.repository, self.answering, path, text)
        places = sorted({one.place for one in self.reads.values()})
        return Removal(self.flag, changed, tuple(places), tuple(sorted(left)))


def _names_around(string: SgNode) -> Iterator[str]:
    row = string
    for _ in range(5):
        above = row.parent()
        if above is None:
            return
        row = above
        if (name := row.field("name") or row.field("key")) is not None:
            yield name.text()
