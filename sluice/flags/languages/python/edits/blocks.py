"""Lists of statements in LibCST: spliced, cut short, never empty; comments stay with the code that they belong to."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

Statement = cst.BaseStatement
PASS = cst.Pass()
ENDS = (cst.Return, cst.Raise, cst.Continue, cst.Break)


def statements_of(block: cst.BaseSuite) -> tuple[list[Statement], list[cst.EmptyLine]]:
    """The statements of a suite as they stand in a block, and the comments at its end."""
    if isinstance(block, cst.SimpleStatementSuite):
        return [cst.SimpleStatementLine(block.body, trailing_whitespace=block.trailing_whitespace)], []
    if isinstance(block, cst.IndentedBlock):
        return list(block.body), list(block.footer)
    return [], []


def is_pass(statement: Statement) -> bool:
    """Whether a statement does nothing at all."""
    return isinstance(statement, cst.SimpleStatementLine) and all(isinstance(one, cst.Pass) for one in statement.body)


def with_lines_above(statement: Statement, lines: Sequence[cst.EmptyLine]) -> Statement:
    """A statement with more lines above it."""
    above = getattr(statement, "leading_lines", None)
    return statement if above is None or not lines else statement.with_changes(leading_lines=[*lines, *above])


def apart(lines: Sequence[cst.EmptyLine]) -> list[cst.EmptyLine]:
    """The comments above a statement that a blank line sets apart from it: they belong to what surrounds it."""
    last = max((index for index, line in enumerate(lines) if line.comment is None), default=-1)
    kept = list(lines[: last + 1])
    return kept if any(line.comment for line in kept) else []


def blank_lines(statement: Statement) -> int:
    """How many blank lines stand right above a statement and its comments."""
    lines = getattr(statement, "leading_lines", ())
    return next((index for index, line in enumerate(lines) if line.comment), len(lines))


def set_apart(statement: Statement, comments: Sequence[cst.EmptyLine], blanks: int) -> Statement:
    """A statement after others that went: below the comments that stay, and as far from what is above as they were."""
    own = blank_lines(statement)
    lines = list(getattr(statement, "leading_lines", ()))
    if comments and comments[-1].comment is None and own:
        lines = lines[1:]
    if not comments and blanks > own:
        lines = [cst.EmptyLine(indent=False)] * (blanks - own) + lines
    return statement.with_changes(leading_lines=[*comments, *lines])


def without_blanks(statement: Statement) -> Statement:
    """A statement that is now the first of its block."""
    lines = list(getattr(statement, "leading_lines", ()))
    return statement.with_changes(leading_lines=lines[blank_lines(statement) :]) if lines else statement


def ends(statements: Sequence[Statement]) -> bool:
    """Whether what follows these statements in their block is never reached."""
    last = statements[-1] if statements else None
    if isinstance(last, cst.SimpleStatementLine):
        return bool(last.body) and isinstance(last.body[-1], ENDS)
    if isinstance(last, cst.If) and isinstance(last.orelse, cst.Else):
        return ends(statements_of(last.body)[0]) and ends(statements_of(last.orelse.body)[0])
    if isinstance(last, cst.If) and isinstance(last.orelse, cst.If):
        return ends(statements_of(last.body)[0]) and ends([last.orelse])
    if isinstance(last, cst.With):
        return False  # it may swallow what is raised in it
    return False
