"""Edits that keep the look of a text: statements that go with their lines, blocks that move out by a level."""

from __future__ import annotations

import re

from ast_grep_py import SgNode

from sluice.flags.syntax.text.tree import COMMENTS, Edit, Tree, named, span

OPENERS = ("{", "(", "[", ":", "->")
CLOSERS = ("}", ")", "]")


def line_start(text: str, index: int) -> int:
    """Where the line of a character begins."""
    return text.rfind("\n", 0, index) + 1


def line_end(text: str, index: int) -> int:
    """Where the line of a character ends, its line break included."""
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def indentation(text: str, index: int) -> str:
    """The white space that the line of a character begins with."""
    found = re.compile(r"[ \t]*").match(text, line_start(text, index))
    return found[0] if found else ""


def newline(text: str) -> str:
    """How lines end here."""
    return "\r\n" if "\r\n" in text else "\n"


def _after(text: str, end: int, separators: str) -> int:
    """The end of a statement with the separator that is not part of it."""
    found = re.compile(rf"[ \t]*[{re.escape(separators)}]").match(text, end)
    return found.end() if found else end


def with_comments(tree: Tree, node: SgNode) -> int:
    """Where a thing begins with the comments that stand right above it."""
    start = line_start(tree.text, span(node)[0])
    above = node.prev()
    while above is not None and above.kind() in COMMENTS:
        first, last = span(above)
        alone = not tree.text[line_start(tree.text, first) : first].strip()
        gap = tree.text[last:start]
        if not alone or gap.count("\n") > 1 or gap.strip():
            break
        start = line_start(tree.text, first)
        above = above.prev()
    return start


def deletion(tree: Tree, node: SgNode) -> Edit:
    """The edit that takes a statement or declaration away, with its lines where it has them for itself."""
    text = tree.text
    start, end = span(node)
    end = _after(text, end, tree.facts.separators)
    first, last = line_start(text, start), line_end(text, end)
    rest = re.sub(r"^\s*(//[^\n]*|/\*[^\n]*\*/)\s*$", "", text[end:last])
    if text[first:start].strip() or rest.strip():
        found = re.compile(r"[ \t]+").match(text, end)
        return Edit(start, found.end() if found else end, "")
    return blank_lines(text, with_comments(tree, node), last)


def blank_lines(text: str, start: int, end: int) -> Edit:
    """The edit that takes whole lines away without leaving two blank lines, or one at a block's beginning or end."""
    before = text[:start].rstrip(" \t\r\n")
    blank_before = start > 0 and not text[line_start(text, start - 1) : start].strip()
    after = re.compile(r"(?:[ \t]*\r?\n)+").match(text, end)
    opened = not before or before.endswith(OPENERS)
    if after and (blank_before or opened):
        end = after.end()
    closed = text[end:].lstrip()[:1] in {*CLOSERS, ""}
    if blank_before and closed:
        kept = len(before)
        start = line_end(text, kept) if kept else 0
    return Edit(start, end, "")


def moved(tree: Tree, start: int, end: int, indent: str, deep: str | None = None) -> str:
    """A part of the text whose lines are moved so that its first one has this indentation (and begins without it)."""
    own = indentation(tree.text, start) if deep is None else deep
    fixed = _fixed_lines(tree, start, end)
    offset, out = start, []
    for number, line in enumerate(tree.text[start:end].splitlines(keepends=True)):
        moves = number > 0 and offset not in fixed and line.startswith(own) and line.strip()
        out.append(indent + line[len(own) :] if moves else line)
        offset += len(line)
    return "".join(out)


def _fixed_lines(tree: Tree, start: int, end: int) -> set[int]:
    """Where lines begin that are inside a text of several lines."""
    fixed = set()
    for node in tree.find(tree.facts.multiline):
        first, last = span(node)
        if last < start or first > end:
            continue
        position = line_end(tree.text, first)
        while position <= last - 1:
            fixed.add(position)
            position = line_end(tree.text, position)
    return fixed


def body(tree: Tree, block: SgNode, indent: str) -> str:
    """What stands between the braces of a block, moved to this indentation; its first line begins without it."""
    start, end = span(block)
    return contents(tree, start + 1, end - 1, indent)


def contents(tree: Tree, start: int, end: int, indent: str) -> str:
    """The lines of a part of the text without the white space around, moved to this indentation."""
    inner = tree.text[start:end]
    first = start + len(inner) - len(inner.lstrip())
    deep = None
    if tree.text[
        line_start(tree.text, first) : first
    ].strip():  # it begins behind a brace: the next line shows how deep it is
        lines = tree.text[line_end(tree.text, first) : end].splitlines()
        line = next((one for one in lines if one.strip()), "")
        deep = line[: len(line) - len(line.lstrip())]
    return moved(tree, first, start + len(inner.rstrip()), indent, deep)


def statements(tree: Tree, block: SgNode) -> list[SgNode]:
    """The statements of a block, a case, or a whole text."""
    found = [one for one in named(block) if one.kind() not in {"switch_label"} and not _is_value(block, one)]
    return named(found[0]) if len(found) == 1 and found[0].kind() == "statement_list" else found


def _is_value(case: SgNode, node: SgNode) -> bool:
    value = case.field("value")
    return value is not None and span(value) == span(node)
