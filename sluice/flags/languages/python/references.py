"""Each place at which Python reads a flag."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from sluice.flags.calls import FlagCall, may_read, words_of
from sluice.flags.languages.python.code.repository import Repository, dotted
from sluice.flags.languages.python.code.scopes import Function
from sluice.flags.languages.python.code.source import Source
from sluice.flags.languages.python.reads import Read, Reads
from sluice.flags.reference import Reference

WIDEST = 8
"""Wrappers of wrappers of wrappers, so deep at most."""


def references(files: Mapping[str, str], calls: tuple[FlagCall, ...]) -> tuple[Reference, ...]:
    """Reads by the calls that are known, and by the functions that hand to them."""
    repository = Repository(files)
    reads = Reads(repository, calls)
    words, done, found = words_of(calls), frozenset[str](), dict[str, list[Reference]]()
    for _ in range(WIDEST):
        new = words - done
        paths = [path for path in repository.paths if may_read(files[path], new)] if new else []
        if not paths:
            break
        done, more = words, set[str]()
        for path in paths:
            source = repository.source(path)
            if source is not None:
                found[path] = list(_of(source, reads))
                more |= _wrappers(source, reads, words)
        words |= more
    every = (one for path in sorted(found) for one in found[path])
    return tuple(sorted(every, key=lambda one: (one.place, one.flag)))


def _of(source: Source, reads: Reads) -> Iterator[Reference]:
    for read in reads.every(source):
        function = source.function_around(read.node)
        if read.key is None and isinstance(function, Function) and reads.hands(source, function):
            continue  # the wrapper itself: the places that call it are the ones that count
        yield _reference(source, read)
    for node, row, key, why in reads.decorators(source):
        yield Reference(key or "", source.place(node), row.name, "python", key is not None, why)


def _reference(source: Source, read: Read) -> Reference:
    call = ".".join(dotted(read.node.func)).replace("?.", "")
    return Reference(read.key or "", source.place(read.node), call, "python", read.key is not None, read.why)


def _wrappers(source: Source, reads: Reads, words: frozenset[str]) -> set[str]:
    """The names of the functions in a file that hand a parameter to a call that is known."""
    return {
        node.name
        for node in ast.walk(source.tree)
        if isinstance(node, Function) and len(node.body) <= 2 and reads.hands(source, node)
    }
