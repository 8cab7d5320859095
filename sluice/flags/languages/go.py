"""Go."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from ast_grep_py import SgNode

from sluice.flags.syntax.facts import Edit, Facts, kinds
from sluice.flags.syntax.removal import TreeLanguage
from sluice.flags.syntax.text.columns import realigned

BUILTINS = kinds(
    "len", "cap", "make", "new", "append", "string", "int", "int64", "float64", "byte", "rune", "error", "min", "max"
)
TEST = re.compile(r"(?:Test|Benchmark|Fuzz)(?![a-z])")
MAJOR = re.compile(r"v\d+$")
PACKAGE = re.compile(r"^\s*package\s+(\w+)", re.MULTILINE)


def _span(node: SgNode) -> tuple[int, int]:
    found = node.range()
    return found.start.index, found.end.index


def visible(path: str, paths: tuple[str, ...]) -> tuple[str, ...]:
    """The files of a package: those of its folder."""
    folder = path.rpartition("/")[0]
    return tuple(one for one in paths if one.rpartition("/")[0] == folder)


def exported(declaration: SgNode) -> bool:
    """Whether a name begins with a capital letter."""
    name = declaration.field("name")
    return name is None or name.text()[:1].isupper() or name.text() == "_"


def imported(root: SgNode, _path: str, other: str, name: str) -> tuple[tuple[str, ...], ...]:
    """`package.Name`, where the import's path ends in the other file's folder."""
    folder = str(PurePosixPath(other).parent)
    if not name[:1].isupper() or folder == ".":
        return ()
    found = []
    for spec in root.find_all(kind="import_spec"):
        path, alias = spec.field("path"), spec.field("name")
        if path is None:
            continue
        target = path.text()[1:-1]
        if target.endswith(f"/{folder}"):
            found.append((alias.text() if alias is not None else target.rpartition("/")[2], name))
    return tuple(found)


def _names_of_import(spec: SgNode) -> set[str]:
    """What a package may be called where it is imported; only its own sources would say it for certain."""
    alias, path = spec.field("name"), spec.field("path")
    if alias is not None or path is None:
        return {alias.text()} if alias is not None else set()
    parts = path.text()[1:-1].split("/")
    last = parts[-2] if MAJOR.match(parts[-1]) and len(parts) > 1 else parts[-1]
    last = re.sub(r"\.v\d+$", "", last)
    plain = {
        last,
        last.removeprefix("go-"),
        last.removesuffix("-go"),
        last.removesuffix(".go"),
        last.rpartition("-")[2],
    }
    return {*plain, last.replace("-", ""), last.replace("-", "_")}


def unused_import(root: SgNode, text: str, name: str, leaves: list[SgNode]) -> tuple[Edit, ...]:
    """The line of an import that nothing uses any more, or the whole declaration."""
    if any(leaf.kind() in {"identifier", "package_identifier"} and not _in_import(leaf) for leaf in leaves):
        return ()
    specs = root.find_all(kind="import_spec")
    found = [spec for spec in specs if name in _names_of_import(spec)]
    if len(found) != 1:
        return ()
    spec = found[0]
    declaration = next(above for above in spec.ancestors() if above.kind() == "import_declaration")
    alone = len(declaration.find_all(kind="import_spec")) == 1
    start, end = _span(declaration if alone else spec)
    start = text.rfind("\n", 0, start) + 1
    end = text.find("\n", end) + 1 or len(text)
    blank = re.compile(r"(?:[ \t]*\r?\n)+").match(text, end)
    before = text[:start].rstrip(" \t\r\n")
    if blank and (alone or before.endswith("(") or text[len(before) : start].count("\n") > 1):
        end = blank.end()
    if text[end:].lstrip()[:1] == ")" and not alone:
        start = len(before) + (2 if text[len(before) : len(before) + 2] == "\r\n" else 1)
    return (Edit(start, end, ""),)


def _in_import(leaf: SgNode) -> bool:
    return any(above.kind() == "import_spec" for above in leaf.ancestors())


def unused_local(text: str, declaration: SgNode, leaf: SgNode) -> tuple[Edit, ...]:
    """One of several names of a `:=`, or of a range, becomes `_`."""
    if declaration.kind() == "range_clause":
        left = declaration.field("left")
        names = [one for one in left.children() if one.is_named()] if left is not None else []
        if names and names[-1].text() == leaf.text():
            others = [one for one in names[:-1] if one.text() != "_"]
            start = _span(names[0])[0] if not others else _span(names[-2])[1]
            end = _span(leaf)[1] if others else text.index("range", _span(leaf)[1])
            return (Edit(start, end, ""),)
        return (Edit(*_span(leaf), "_"),)
    if declaration.kind() not in {"short_var_declaration", "var_spec"}:
        return ()
    left = declaration.field("left")
    names = (
        [one for one in left.children() if one.is_named()] if left is not None else declaration.field_children("name")
    )
    others = [one for one in names if one.is_named() and one.text() not in {"_", leaf.text()}]
    if declaration.kind() == "var_spec":
        return (Edit(*_span(leaf), "_"),) if others else ()
    if others:
        return (Edit(*_span(leaf), "_"), *_assigned(text, declaration, others))
    right = declaration.field("right")
    if right is None or len([one for one in right.children() if one.is_named()]) != 1:
        return ()
    return (Edit(_span(declaration)[0], _span(right)[0], ""),) if right.text().endswith(")") else ()


def _assigned(text: str, declaration: SgNode, others: list[SgNode]) -> tuple[Edit, ...]:
    """`:=` becomes `=` where none of the names that remain is new."""
    holder = declaration.parent()
    before = text[_span(holder)[0] : _span(declaration)[0]] if holder is not None else ""
    new = [
        one for one in others if not re.search(rf"\b{one.text()}\b[\w, ]*:=|\bvar\s+[\w, ]*\b{one.text()}\b", before)
    ]
    if new:
        return ()
    place = text.index(":=", _span(others[-1])[0])
    return (Edit(place, place + 2, "="),)


def harmless(value: SgNode) -> bool:
    """Whether all calls in a value are of builtins and errors.New."""
    for call in value.find_all(kind="call_expression"):
        called = call.field("function")
        if called is None or called.text() not in {*BUILTINS, "errors.New", "context.Background", "strings.TrimSpace"}:
            return False
    return not value.find_all(regex="^<-$")


def variable(leaf: SgNode) -> bool:
    """Whether a name stands for a variable: not for the field of a literal."""
    above = leaf.parent()
    if above is None or above.kind() != "literal_element":
        return leaf.kind() == "identifier"
    pair = above.parent()
    if pair is None or pair.kind() != "keyed_element":
        return True
    first = next(one for one in pair.children() if one.is_named())
    literal = next((one for one in pair.ancestors() if one.kind() == "composite_literal"), None)
    typed = literal.field("type") if literal is not None else None
    return _span(first) != _span(above) or (
        typed is not None and typed.kind() in {"map_type", "slice_type", "array_type"}
    )


def constant(declarator: SgNode) -> bool:
    """Whether a package's variable is never assigned: only constants are, for certain."""
    return declarator.kind() == "const_spec"


def emptied(text: str) -> bool:
    """Whether there is a package clause and nothing else."""
    bare = re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)
    return re.fullmatch(r"\s*package\s+\w+\s*", bare) is not None


GO = TreeLanguage(
    Facts(
        name="go",
        grammars={".go": "go"},
        calls=kinds("call_expression"),
        strings=kinds("interpreted_string_literal", "raw_string_literal"),
        identifiers=kinds("identifier"),
        names=kinds("identifier", "field_identifier", "type_identifier", "package_identifier"),
        lists=kinds("statement_list", "source_file"),
        blocks=kinds("block"),
        scopes=kinds(
            "block",
            "function_declaration",
            "method_declaration",
            "func_literal",
            "if_statement",
            "for_statement",
            "expression_switch_statement",
            "type_switch_statement",
            "expression_case",
            "default_case",
            "type_case",
            "communication_case",
            "source_file",
        ),
        functions=kinds("function_declaration", "method_declaration", "func_literal"),
        bindings={
            "short_var_declaration": ("left",),
            "var_spec": ("name",),
            "const_spec": ("name",),
            "parameter_declaration": ("name",),
            "variadic_parameter_declaration": ("name",),
            "function_declaration": ("name",),
            "range_clause": ("left",),
            "receive_statement": ("left",),
            "type_switch_statement": ("alias",),
            "type_spec": ("name",),
            "type_alias": ("name",),
        },
        effects=kinds(
            "call_expression", "unary_expression", "type_assertion_expression", "index_expression", "slice_expression"
        ),
        exits=kinds(
            "return_statement", "break_statement", "continue_statement", "goto_statement", "fallthrough_statement"
        ),
        declarations=kinds("short_var_declaration", "var_declaration", "const_declaration"),
        declarators=kinds("short_var_declaration", "var_spec", "const_spec"),
        literals={"true": "true", "false": "false", "nil": "nil"},
        switches=kinds("expression_switch_statement"),
        cases=kinds("expression_case", "default_case"),
        members={"selector_expression": ("operand", "field")},
        loops=kinds("for_statement"),
        multiline=kinds("raw_string_literal"),
        imports=kinds("import_spec"),
        writes={
            "assignment_statement": ("left",),
            "inc_statement": (),
            "dec_statement": (),
            "unary_expression": ("operand",),
            "range_clause": ("left",),
            "receive_statement": ("left",),
        },
        unused_is_an_error=True,
        packages=True,
        exported=exported,
        constant=constant,
        visible=visible,
        imported=imported,
        unused_import=unused_import,
        unused_local=unused_local,
        harmless=harmless,
        settled=realigned,
        is_test=lambda path: path.endswith("_test.go"),
        tries=lambda name: TEST.match(name) is not None,
        emptied=emptied,
        variable=variable,
    )
)
