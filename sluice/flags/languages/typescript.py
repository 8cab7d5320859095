"""TypeScript and JavaScript, with JSX."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from ast_grep_py import SgNode

from sluice.flags.syntax.facts import Edit, Facts, kinds
from sluice.flags.syntax.removal import TreeLanguage

LITERALS = kinds("string", "number", "template_string", "jsx_element", "jsx_self_closing_element", "jsx_fragment")
MARKUP = kinds("jsx_element", "jsx_self_closing_element", "jsx_fragment")
TYPED = (".ts", ".tsx", ".mts", ".cts")


def _span(node: SgNode) -> tuple[int, int]:
    found = node.range()
    return found.start.index, found.end.index


def exported(declaration: SgNode) -> bool:
    """Whether a declaration is exported, or is a member that is not private."""
    if declaration.kind() in {"method_definition", "public_field_definition"}:
        name = declaration.field("name")
        head = declaration.text()[: declaration.text().index(name.text())] if name is not None else ""
        return re.search(r"\bprivate\b", head) is None and not (name is not None and name.text().startswith("#"))
    for above in declaration.ancestors():
        if above.kind() == "export_statement":
            return True
        if above.kind() not in {"lexical_declaration", "variable_declaration"}:
            return False
    return False


def imported(root: SgNode, path: str, other: str, name: str) -> tuple[tuple[str, ...], ...]:
    """The local name of an import from the other file."""
    found: list[tuple[str, ...]] = []
    for statement in root.find_all(kind="import_statement"):
        source = statement.field("source")
        if source is None or not _is_file(path, source.text()[1:-1], other):
            continue
        rows = [one for one in statement.find_all(kind="import_specifier") if _text(one.field("name")) == name]
        found += [(_text(one.field("alias")) or name,) for one in rows]
        found += [(one.text().split()[-1], name) for one in statement.find_all(kind="namespace_import")]
    return tuple(found)


def _text(node: SgNode | None) -> str:
    return node.text() if node is not None else ""


def _is_file(path: str, source: str, other: str) -> bool:
    """Whether an import means the other file."""
    if not source.startswith("."):
        return False
    parts: list[str] = []
    for part in (*PurePosixPath(path).parent.parts, *source.split("/")):
        if part == "..":
            if not parts:
                return False
            parts.pop()
        elif part != ".":
            parts.append(part)
    target = "/".join(parts)
    stem = re.sub(r"\.(d\.)?[cm]?[jt]sx?$", "", other)
    return stem in {target, f"{target}/index", re.sub(r"\.[cm]?[jt]sx?$", "", target)}


def unused_import(root: SgNode, text: str, name: str, leaves: list[SgNode]) -> tuple[Edit, ...]:
    """One name of an import, or the whole statement."""
    leaf = leaves[0] if len(leaves) == 1 else None
    statement = next((one for one in leaf.ancestors() if one.kind() == "import_statement"), None) if leaf else None
    if leaf is None or statement is None or (name == "React" and "<" in text):
        return ()
    clause = next((one for one in statement.children() if one.kind() == "import_clause"), None)
    if clause is None:
        return ()
    rows = [one for one in clause.children() if one.is_named() and one.kind() != "named_imports"]
    group = next((one for one in clause.children() if one.kind() == "named_imports"), None)
    members = [one for one in group.children() if one.is_named()] if group is not None else []
    if len(rows) + len(members) == 1:
        return (_whole_line(text, statement),)
    own = next(one for one in [*rows, *members] if _span(one)[0] <= _span(leaf)[0] < _span(one)[1])
    if group is None or (len(members) == 1 and own.kind() == "import_specifier"):
        first = _span(rows[0])[1]
        return (Edit(first, _span(clause)[1], ""),) if own.kind() != "identifier" else ()
    if own.kind() == "identifier":
        return (Edit(_span(own)[0], _span(group)[0], ""),)
    return (_from_row(text, members, own),)


def _from_row(text: str, members: list[SgNode], own: SgNode) -> Edit:
    place = next(n for n, one in enumerate(members) if _span(one) == _span(own))
    if place + 1 < len(members):
        return Edit(_span(own)[0], _span(members[place + 1])[0], "")
    return Edit(_span(members[place - 1])[1], _span(own)[1], "")


def _whole_line(text: str, statement: SgNode) -> Edit:
    start, end = _span(statement)
    end = text.find("\n", end) + 1 or len(text)
    blank = re.compile(r"(?:[ \t]*\r?\n)+").match(text, end)
    before = text[:start].rstrip(" \t\r\n")
    if blank and (not before or text[len(before) : start].count("\n") > 1):
        end = blank.end()
    return Edit(start, end, "")


def unused_local(text: str, declaration: SgNode, leaf: SgNode) -> tuple[Edit, ...]:
    """One name of `const { a, b } = …`."""
    pattern = declaration.field("name")
    if pattern is None or pattern.kind() != "object_pattern" or "..." in pattern.text():
        return ()
    members = [one for one in pattern.children() if one.is_named() and one.kind() != "comment"]
    own = [one for one in members if _span(one)[0] <= _span(leaf)[0] < _span(one)[1]]
    if len(own) != 1 or len(members) < 2 or "(" in own[0].text():
        return ()
    return (_from_row(text, members, own[0]),)


def retyped(_text: str, whole: SgNode, kept: SgNode, gone: SgNode) -> str:
    """Why a ternary may not give way to one side: the type of what it is given to would be another one."""
    holder = next(
        (one for one in whole.ancestors() if one.kind() not in {"parenthesized_expression", "await_expression"}), None
    )
    if holder is None or holder.kind() != "variable_declarator" or holder.field("type") is not None:
        return ""
    kind = holder.parent()
    fixed = kind is not None and kind.text().startswith("const")
    if not fixed and (kept.kind() != gone.kind() or kept.kind() not in LITERALS):
        return "the variable's type comes from both sides, and it is assigned again"
    name = holder.field("name")
    if fixed and name is not None and kept.kind() not in MARKUP and _is_compared(whole, name.text()):
        return f"`{name.text()}` is compared later, and its type would be narrower"
    return ""


def _is_compared(whole: SgNode, name: str) -> bool:
    scope = next(one for one in whole.ancestors() if one.kind() in {"statement_block", "program"})
    for leaf in scope.find_all(regex=f"^{re.escape(name)}$"):
        for above in leaf.ancestors():
            if above.kind() == "switch_statement" or (
                above.kind() == "binary_expression"
                and (sign := above.field("operator")) is not None
                and sign.text() in {"===", "!==", "==", "!=", "instanceof", "in"}
            ):
                return True
            if above.kind().endswith(("_statement", "_declaration", "_block")):
                break
    return False


def constant(declarator: SgNode) -> bool:
    """Whether a variable of a module, or a field, is never assigned and seen by nobody else."""
    if exported(declarator):
        return False
    above = declarator.parent()
    if declarator.kind() == "variable_declarator":
        return above is not None and above.text().startswith("const")
    return re.search(r"\breadonly\b", declarator.text().split("=")[0]) is not None


def variable(leaf: SgNode) -> bool:
    """Whether a name is not that of a member."""
    above = leaf.parent()
    if leaf.kind() in {"property_identifier", "private_property_identifier", "statement_identifier"} or above is None:
        return False
    return above.kind() not in {"import_specifier", "import_clause", "namespace_import"}


FUNCTIONS = kinds(
    "function_declaration",
    "generator_function_declaration",
    "function_expression",
    "generator_function",
    "arrow_function",
    "method_definition",
)

TYPESCRIPT = TreeLanguage(
    Facts(
        name="typescript",
        grammars={
            **dict.fromkeys((".tsx", ".jsx", ".js", ".mjs", ".cjs"), "tsx"),
            **dict.fromkeys((".ts", ".mts", ".cts"), "typescript"),
        },
        calls=kinds("call_expression"),
        strings=kinds("string", "template_string"),
        identifiers=kinds("identifier", "shorthand_property_identifier"),
        names=kinds(
            "identifier",
            "property_identifier",
            "shorthand_property_identifier",
            "shorthand_property_identifier_pattern",
            "type_identifier",
            "private_property_identifier",
        ),
        lists=kinds("statement_block", "program", "switch_case", "switch_default", "class_static_block"),
        blocks=kinds("statement_block"),
        scopes=FUNCTIONS
        | kinds(
            "statement_block",
            "program",
            "for_statement",
            "for_in_statement",
            "catch_clause",
            "switch_body",
            "class_body",
            "internal_module",
        ),
        functions=FUNCTIONS,
        bindings={
            "variable_declarator": ("name",),
            "function_declaration": ("name",),
            "generator_function_declaration": ("name",),
            "class_declaration": ("name",),
            "enum_declaration": ("name",),
            "interface_declaration": ("name",),
            "type_alias_declaration": ("name",),
            "required_parameter": ("pattern",),
            "optional_parameter": ("pattern",),
            "arrow_function": ("parameter",),
            "method_definition": ("name",),
            "public_field_definition": ("name",),
            "import_specifier": ("name", "alias"),
            "namespace_import": ("",),
            "import_clause": ("",),
            "for_in_statement": ("left",),
            "catch_clause": ("parameter",),
        },
        effects=kinds(
            "call_expression",
            "new_expression",
            "assignment_expression",
            "augmented_assignment_expression",
            "update_expression",
            "await_expression",
            "yield_expression",
            "unary_expression",
        ),
        exits=kinds("return_statement", "throw_statement", "break_statement", "continue_statement"),
        declarations=kinds("lexical_declaration", "variable_declaration"),
        declarators=kinds("variable_declarator", "public_field_definition"),
        literals={"true": "true", "false": "false"},
        switches=kinds("switch_statement"),
        cases=kinds("switch_case", "switch_default"),
        ternaries=kinds("ternary_expression"),
        awaits=kinds("await_expression"),
        members={"member_expression": ("object", "property")},
        transparent=kinds("as_expression", "non_null_expression", "satisfies_expression"),
        loops=kinds("for_statement", "while_statement", "do_statement"),
        multiline=kinds("template_string"),
        imports=kinds("import_specifier"),
        writes={
            "assignment_expression": ("left",),
            "augmented_assignment_expression": ("left",),
            "update_expression": ("argument",),
            "for_in_statement": ("left",),
        },
        booleans_only=False,
        ordered=False,
        braces_optional=True,
        falls_through=True,
        retyped=retyped,
        exported=exported,
        constant=constant,
        imported=imported,
        unused_import=unused_import,
        unused_local=unused_local,
        variable=variable,
    )
)
