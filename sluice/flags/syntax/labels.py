"""Labels that nothing leaves or goes on with any more: in Go a program that has one does not compile."""

from __future__ import annotations

from sluice.flags.syntax.text.lines import line_start
from sluice.flags.syntax.text.tree import Edit, Tree, ancestors, named, same, span

LABELED = "labeled_statement"
JUMPS = ("break_statement", "continue_statement", "goto_statement")


def unused_label(tree: Tree, name: str) -> tuple[Edit, ...]:
    """The edit that takes a label of this name away, where no jump of its function names it."""
    for whole in tree.find({LABELED}):
        label, statement = named(whole)[0], named(whole)[-1]
        if label.text() != name or same(label, statement):
            continue
        function = next((above for above in ancestors(whole) if above.kind() in tree.facts.functions), tree.root)
        jumps = tree.find(JUMPS, within=function)
        if any(part.text() == name for jump in jumps for part in named(jump)):
            continue
        start, end = span(whole)[0], span(statement)[0]
        first, last = line_start(tree.text, start), line_start(tree.text, end)
        alone = not tree.text[first:start].strip() and not tree.text[last:end].strip() and last > start
        return (Edit(first, last, ""),) if alone else (Edit(start, end, ""),)
    return ()
