"""Reads a template, as Go's text/template/parse does: what is wrong in it is said before anything is rendered."""

from __future__ import annotations

from collections.abc import Container

from sluice.templates.errors import TemplateError
from sluice.templates.expressions import Words, pipeline, unquoted
from sluice.templates.lexer import Action, Part, parts
from sluice.templates.nodes import Branch, Call, Jump, Node, Pipe, Print, Template, Text

MOST_DEPTH = 100
"""How deep blocks may stand in each other."""


def parse(template: str, functions: Container[str]) -> Template:
    """Read a template.

    Args:
        template: its text.
        functions: the names of the functions that there are.

    Raises:
        TemplateError: the template is not one; names the line.
    """
    reader = _Reader(list(parts(template)), functions)
    body, ended, _ = reader.block(("$",), inside=False)
    if ended:
        raise TemplateError(f"line {reader.line}: unexpected {{{{{ended}}}}}")
    return Template(body, reader.named)


class _Reader:
    """Reads parts one after the other."""

    def __init__(self, found: list[Part], functions: Container[str]) -> None:
        self._parts, self._at, self._functions = found, 0, functions
        self.named: dict[str, tuple[Node, ...]] = {}
        self.line, self._loops, self._depth = 1, 0, 0

    def block(self, known: tuple[str, ...], *, inside: bool = True) -> tuple[tuple[Node, ...], str, Words | None]:
        """The nodes up to what ends the block, the word that ends it (`end`, `else`), and the words behind it."""
        nodes: list[Node] = []
        scope = list(known)
        while self._at < len(self._parts):
            part = self._parts[self._at]
            self._at += 1
            if isinstance(part, str):
                nodes += [Text(part)] if part else []
                continue
            self.line = part.line
            words = Words(part, self._functions)
            if words.next_is("end", "else"):
                return tuple(nodes), words.take().text, words
            node = self._node(part, words, scope)
            nodes += [node] if node else []
        if inside:
            raise TemplateError(f"line {self.line}: unexpected end of the template: an {{{{end}}}} is missing")
        return tuple(nodes), "", None

    def _node(self, action: Action, words: Words, scope: list[str]) -> Node | None:
        if words.next_is("if", "with", "range"):
            return self._branch(words.take().text, words, tuple(scope))
        if words.next_is("define"):
            self._define(words)
            return None
        if words.next_is("template"):
            words.take()
            return self._call(words, scope)
        if words.next_is("block"):
            words.take()
            call = self._call(words, scope)
            self.named[call.name] = self._body(("$",))
            return call
        if words.next_is("break", "continue"):
            kind = words.take().text
            words.must_end()
            if not self._loops:
                raise TemplateError(f"line {action.line}: {{{{{kind}}}}} outside of a {{{{range}}}}")
            return Jump(kind)
        pipe = pipeline(words, scope)
        words.must_end()
        scope += pipe.declared if not pipe.assigns else ()
        return Print(pipe, action.line)

    def _branch(self, kind: str, words: Words, known: tuple[str, ...]) -> Branch:
        line = words.line
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise TemplateError(f"line {line}: blocks stand too deep in each other")
        pipe = pipeline(words, list(known), ranges=kind == "range")
        words.must_end()
        inner = (*known, *(pipe.declared if not pipe.assigns else ()))
        self._loops += kind == "range"
        body, ended, rest = self.block(inner)
        self._loops -= kind == "range"
        otherwise: tuple[Node, ...] = ()
        if ended == "else" and rest and rest.next_is("if", "with") and kind != "range":
            if not rest.next_is(kind):
                raise TemplateError(f"line {rest.line}: {kind} cannot go on with another kind of block")
            otherwise = (self._branch(rest.take().text, rest, inner),)
        elif ended == "else" and rest:
            rest.must_end()
            otherwise = self._body(inner)
        elif rest:
            rest.must_end()
        self._depth -= 1
        return Branch(kind, pipe, body, otherwise, line)

    def _body(self, known: tuple[str, ...]) -> tuple[Node, ...]:
        body, ended, rest = self.block(known)
        if ended != "end" or rest is None:
            raise TemplateError(f"line {self.line}: expected {{{{end}}}}, found {{{{{ended}}}}}")
        rest.must_end()
        return body

    def _define(self, words: Words) -> None:
        words.take()
        name = unquoted(words.take())
        words.must_end()
        loops, self._loops = self._loops, 0
        self.named[name] = self._body(("$",))
        self._loops = loops

    def _call(self, words: Words, scope: list[str]) -> Call:
        line, name = words.line, unquoted(words.take())
        pipe: Pipe | None = None if words.ended else pipeline(words, scope)
        words.must_end()
        return Call(name, pipe, line)
