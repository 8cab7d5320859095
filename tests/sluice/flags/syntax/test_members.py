"""Flags that are taken from an object of all of them: `const { newPay } = useFlags()`."""

from __future__ import annotations

import pytest

from sluice.flags.languages.table import LANGUAGES
from sluice.flags.sdks import ALL

TYPESCRIPT = LANGUAGES["typescript"]
IMPORT = 'import { useFlags } from "launchdarkly-react-client-sdk";\n'


def page(*lines: str) -> dict[str, str]:
    """A component with these lines."""
    body = "".join(f"  {line}\n" for line in lines)
    return {"page.tsx": f"{IMPORT}export const Page = () => {{\n{body}}};\n"}


def test_each_flag_that_is_taken_is_found_where_it_is_taken() -> None:
    """By the name that the code has for it, in the order of the text; one of the SDK's other names is none."""
    files = page(
        "const { newPay, 'old-search': search } = useFlags();",
        "const flags = useFlags();",
        "return flags.newCart && flags['new-look'] ? <New on={search} /> : useFlags().newPay;",
        "const other = useFlags(['new-toy']);",
    )
    found = TYPESCRIPT.references(files, ALL)
    assert [(one.flag, one.place.line) for one in found] == [
        ("newPay", 3),
        ("old-search", 3),
        ("newCart", 5),
        ("new-look", 5),
        ("newPay", 5),
    ]
    assert all(one.sure and one.spelled for one in found)


@pytest.mark.parametrize(
    "line",
    [
        "return <Child flags={useFlags()} />;",
        "const { newCart, ...others } = useFlags();",
        "const all = useFlags(); return <Child {...all} />;",
        "const all = useFlags(); return all[name];",
        "let all = useFlags(); all = {};",
    ],
)
def test_where_all_flags_are_handed_on_any_of_them_may_be_asked_for(line: str) -> None:
    """Such a place is not sure: then nothing is archived."""
    assert [one for one in TYPESCRIPT.references(page(line), ALL) if not one.sure]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("const { newPay, ...others } = useFlags();", "the rest of the flags is taken with it"),
        ("const { newPay: { limit } } = useFlags();", "more of its answer is taken than its value"),
        ("const { newPay, newPay: pay } = useFlags();", "it is taken twice at once"),
        ("const { 'new-pay': one, newPay: pay } = useFlags();", "it is taken twice at once"),
        ("const flags = useFlags(); flags.newPay = true;", "it is assigned"),
    ],
)
def test_what_is_not_sure_is_left(line: str, reason: str) -> None:
    """With the reason, and no byte is changed."""
    removal = TYPESCRIPT.remove(page(line), "new-pay", "true", ALL)
    assert removal.texts == {}
    assert {one.reason for one in removal.left} == {reason}


def test_a_variable_that_is_assigned_again_keeps_its_value() -> None:
    """It is declared next to what else is taken."""
    files = page("let { newPay, oldPay } = useFlags();", "newPay = newPay && oldPay;", "return newPay;")
    removal = TYPESCRIPT.remove(files, "new-pay", "true", ALL)
    assert "  let newPay = true, { oldPay } = useFlags();\n" in str(removal.texts["page.tsx"])
    assert removal.whole


def test_with_the_last_flag_the_hook_goes_and_its_import() -> None:
    """Also where the flags were kept in a variable."""
    files = page("const flags = useFlags();", "return flags.newPay ? <New /> : <Old />;")
    removal = TYPESCRIPT.remove(files, "new-pay", "true", ALL)
    assert removal.texts == {"page.tsx": "export const Page = () => {\n  return <New />;\n};\n"}
