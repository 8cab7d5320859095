"""Java."""

from __future__ import annotations

import re

from ast_grep_py import SgNode

from sluice.flags.syntax.facts import Edit, Facts, kinds
from sluice.flags.syntax.removal import TreeLanguage

UNCHECKED = kinds(
    "Exception",
    "Throwable",
    "RuntimeException",
    "IllegalStateException",
    "IllegalArgumentException",
    "NullPointerException",
    "UnsupportedOperationException",
    "ArithmeticException",
    "ClassCastException",
    "IndexOutOfBoundsException",
    "Error",
    "NumberFormatException",
    "NoSuchElementException",
    "ConcurrentModificationException",
    "AssertionError",
)
SURE = kinds("string_literal", "decimal_integer_literal", "true", "false", "character_literal")


def _span(node: SgNode) -> tuple[int, int]:
    found = node.range()
    return found.start.index, found.end.index


def checked(node: SgNode) -> bool:
    """Whether a `try` catches what only some code throws: without that code it would not compile."""
    if node.kind() not in {"try_statement", "try_with_resources_statement"}:
        return False
    caught = [
        one.text()
        for clause in node.children()
        if clause.kind() == "catch_clause"
        for one in clause.find_all(kind="catch_type")
    ]
    names = {name.strip().rpartition(".")[2] for one in caught for name in one.split("|")}
    return bool(names - UNCHECKED)


def exported(declaration: SgNode) -> bool:
    """Whether anything outside the file may see it: all that is not private."""
    holder = declaration.parent() if declaration.kind() == "variable_declarator" else declaration
    if holder is None:
        return True
    modifiers = next((one for one in holder.children() if one.kind() == "modifiers"), None)
    return modifiers is None or re.search(r"\bprivate\b", modifiers.text()) is None or "@" in modifiers.text()


def constant(declarator: SgNode) -> bool:
    """Whether a field is private and final."""
    holder = declarator.parent()
    head = holder.text()[: _span(declarator)[0] - _span(holder)[0]] if holder is not None else ""
    return re.search(r"\bprivate\b", head) is not None and re.search(r"\bfinal\b", head) is not None


def variable(leaf: SgNode) -> bool:
    """Whether a name stands for a variable, or a method that is called by its name alone."""
    above = leaf.parent()
    if above is None:
        return True
    if above.kind() == "method_invocation":
        own = above.field("name")
        return own is None or _span(own) != _span(leaf) or above.field("object") is None
    if above.kind() in {"field_access", "method_reference", "scoped_identifier"}:
        first = next(one for one in above.children() if one.is_named())
        return _span(first) == _span(leaf)
    return above.kind() not in {"labeled_statement", "break_statement", "continue_statement", "element_value_pair"}


def retyped(_text: str, whole: SgNode, kept: SgNode, gone: SgNode) -> str:
    """Why a ternary may not give way to one side: both have a part in its type, which may box or widen."""
    if kept.kind() == gone.kind() and kept.kind() in SURE:
        return ""
    if kept.kind() == gone.kind() == "object_creation_expression":
        types = [one.field("type") for one in (kept, gone)]
        if all(one is not None for one in types) and len({one.text() for one in types if one is not None}) == 1:
            return ""
    holder = next(
        (one for one in whole.ancestors() if one.kind() not in {"parenthesized_expression", "expression_statement"}),
        None,
    )
    typed = _type_around(holder) if holder is not None else None
    if typed is not None and typed not in {"var", "Object", "Number", "Comparable", "T"}:
        return ""
    if typed is None and _known(kept) is not None and _known(kept) == _known(gone):
        return ""
    return "the type of what is given comes from both sides"


def _type_around(holder: SgNode) -> str | None:
    """The type that is written where a value goes."""
    if holder.kind() == "variable_declarator" and (above := holder.parent()) is not None:
        written = above.field("type")
        return written.text() if written is not None else None
    if holder.kind() == "return_statement":
        for above in holder.ancestors():
            if above.kind() == "lambda_expression":
                return None
            if above.kind() == "method_declaration":
                written = above.field("type")
                return written.text() if written is not None else None
    return None


def _known(node: SgNode) -> str | None:
    """The type of a variable or of a method of this file, where it is declared once."""
    name = node.field("name") if node.kind() == "method_invocation" else node if node.kind() == "identifier" else None
    if name is None or (node.kind() == "method_invocation" and node.field("object") is not None):
        return None
    root = list(node.ancestors())[-1]
    written = set()
    for leaf in root.find_all(regex=f"^{re.escape(name.text())}$"):
        above = leaf.parent()
        own = above.field("name") if above is not None else None
        if above is None or own is None or _span(own) != _span(leaf):
            continue
        holder = above.parent() if above.kind() == "variable_declarator" else above
        if holder is not None and (typed := holder.field("type")) is not None:
            written.add(typed.text())
    return written.pop() if len(written) == 1 else None


def unused_import(root: SgNode, text: str, name: str, leaves: list[SgNode]) -> tuple[Edit, ...]:
    """The line of an import whose last name nothing uses any more."""
    found = [
        one for one in root.find_all(kind="import_declaration") if re.search(rf"\.{re.escape(name)}\s*;", one.text())
    ]
    if len(found) != 1 or any(not any(up.kind() == "import_declaration" for up in leaf.ancestors()) for leaf in leaves):
        return ()
    if re.search(rf"@(?:link|see|throws)\s+#?{re.escape(name)}\b|\{{@\w+\s+{re.escape(name)}\b", text):
        return ()
    start, end = _span(found[0])
    end = text.find("\n", end) + 1 or len(text)
    blank = re.compile(r"(?:[ \t]*\r?\n)+").match(text, end)
    before = text[:start].rstrip(" \t\r\n")
    if blank and text[len(before) : start].count("\n") > 1:
        end = blank.end()
    return (Edit(start, end, ""),)


JAVA = TreeLanguage(
    Facts(
        name="java",
        grammars={".java": "java"},
        calls=kinds("method_invocation"),
        strings=kinds("string_literal"),
        identifiers=kinds("identifier"),
        names=kinds("identifier", "type_identifier"),
        lists=kinds("block", "constructor_body", "switch_block_statement_group", "program"),
        blocks=kinds("block", "constructor_body"),
        scopes=kinds(
            "block",
            "constructor_body",
            "method_declaration",
            "constructor_declaration",
            "lambda_expression",
            "for_statement",
            "enhanced_for_statement",
            "catch_clause",
            "try_with_resources_statement",
            "switch_block",
            "class_body",
            "program",
            "enum_body_declarations",
            "interface_body",
            "record_declaration",
        ),
        functions=kinds("method_declaration", "constructor_declaration", "lambda_expression"),
        bindings={
            "variable_declarator": ("name",),
            "formal_parameter": ("name",),
            "spread_parameter": ("name",),
            "catch_formal_parameter": ("name",),
            "inferred_parameters": ("",),
            "lambda_expression": ("parameters",),
            "enhanced_for_statement": ("name",),
            "resource": ("name",),
            "instanceof_expression": ("name",),
            "type_pattern": ("",),
            "method_declaration": ("name",),
            "class_declaration": ("name",),
            "enum_declaration": ("name",),
            "interface_declaration": ("name",),
            "record_declaration": ("name",),
        },
        effects=kinds(
            "method_invocation",
            "object_creation_expression",
            "assignment_expression",
            "update_expression",
            "switch_expression",
            "array_access",
            "cast_expression",
        ),
        exits=kinds("return_statement", "throw_statement", "break_statement", "continue_statement", "yield_statement"),
        declarations=kinds("local_variable_declaration", "field_declaration"),
        declarators=kinds("variable_declarator"),
        literals={"true": "true", "false": "false"},
        switches=kinds("switch_expression", "switch_statement"),
        cases=kinds("switch_block_statement_group", "switch_rule"),
        ternaries=kinds("ternary_expression"),
        members={"field_access": ("object", "field"), "method_invocation": ("object", "name")},
        loops=kinds("for_statement", "while_statement", "do_statement"),
        multiline=kinds("string_literal"),
        imports=kinds("import_declaration"),
        writes={"assignment_expression": ("left",), "update_expression": ()},
        shadows=False,
        braces_optional=True,
        falls_through=True,
        bare_methods=True,
        retyped=retyped,
        checked=checked,
        exported=exported,
        constant=constant,
        unused_import=unused_import,
        variable=variable,
    )
)
