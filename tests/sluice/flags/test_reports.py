"""What users of other removers and finders of flags reported, tried on ours."""

from __future__ import annotations

import pytest

from sluice.flags.languages.table import LANGUAGES
from tests.sluice.flags.corpus import CALLS

JAVA, GO, TSX = "shop/A.java", "shop/a.go", "a.tsx"
ASKED = 'client.getBooleanValue("new-checkout", false)'
GO_ASKED = 'client.Boolean(ctx, "new-checkout", false, u)'
REPORTS = {
    # uber/piranha#108: a method that nothing calls any more stayed.
    "a private method goes with its caller": (
        JAVA,
        f"class A {{\n    void bar() {{\n        if (!{ASKED}) {{\n            dummy();\n        }}\n    }}\n\n"
        '    private void dummy() {\n        System.out.println("Dummy");\n    }\n}\n',
        "class A {\n    void bar() {\n    }\n}\n",
    ),
    # uber/piranha#693: flags are members of an enum, whose field has the key.
    "a member of an enum goes with its only call": (
        JAVA,
        'enum Feature {\n    NEW("new-checkout"),\n    OTHER("other");\n\n    private final String key;\n\n'
        "    Feature(String key) { this.key = key; }\n\n    String getKey() { return key; }\n}\n\n"
        "class A {\n    String get() {\n        if (client.getBooleanValue(Feature.NEW.getKey(), false)) {\n"
        '            return "new";\n        } else {\n            return "old";\n        }\n    }\n}\n',
        'enum Feature {\n    OTHER("other");\n\n    private final String key;\n\n'
        "    Feature(String key) { this.key = key; }\n\n    String getKey() { return key; }\n}\n\n"
        'class A {\n    String get() {\n        return "new";\n    }\n}\n',
    ),
    # uber/piranha#237: comments of what went stayed, and those of what stays went.
    "comments go and stay with their code": (
        JAVA,
        f"class A {{\n    void f() {{\n        if ({ASKED}) {{\n            // new way\n            a();\n        }}"
        " else {\n"
        "            // old way\n            b();\n        }\n        c();\n    }\n}\n",
        "class A {\n    void f() {\n        // new way\n        a();\n        c();\n    }\n}\n",
    ),
    # uber/piranha#409: `something || true` was decided, also where `something` is a call.
    "a call before a flag that decides still runs": (
        GO,
        f"package a\n\nfunc f() {{\n\tif count() || {GO_ASKED} {{\n\t\tdo()\n\t}}\n"
        f"\tif some || {GO_ASKED} {{\n\t\tdo()\n\t}}\n}}\n",
        "package a\n\nfunc f() {\n\t_ = count()\n\tdo()\n\tdo()\n}\n",
    ),
    # uber/piranha#487: a declaration with two names on its left.
    "a value with its error": (
        GO,
        'package a\n\nfunc f() error {\n\ton, err := client.BooleanValue(ctx, "new-checkout", false, u)\n\tif err != nil {\n'
        "\t\treturn err\n\t}\n\tif !on {\n\t\treturn old()\n\t}\n\treturn fresh()\n}\n",
        "package a\n\nfunc f() error {\n\treturn fresh()\n}\n",
    ),
    # launchdarkly/ld-find-code-refs#104: keys that are members of a constant were not found.
    "a key that is a member of a constant": (
        TSX,
        'const FLAGS = { checkout: "new-checkout", other: "o" } as const;\n\nexport function A() {\n'
        "  const on = client.isEnabled(FLAGS.checkout);\n  return on ? <New /> : <Old />;\n}\n",
        "export function A() {\n  return <New />;\n}\n",
    ),
    # react/react#37573: cases that fall through only where the flag is off needed care.
    "a case that falls through only where the flag is off": (
        TSX,
        'function f(tag: string) {\n  switch (tag) {\n    case "a":\n      if (client.isEnabled("new-checkout")) {\n'
        "        one();\n        break;\n      }\n    // Fallthrough\n    default:\n      two();\n  }\n}\n",
        'function f(tag: string) {\n  switch (tag) {\n    case "a":\n      one();\n      break;\n'
        "    // Fallthrough\n    default:\n      two();\n  }\n}\n",
    ),
    # codemod/codemod-registry#255: a negated flag among markup.
    "a negated flag among markup": (
        TSX,
        'export function A() {\n  return <p>{!client.isEnabled("new-checkout") ? <Old /> : <New />}</p>;\n}\n',
        "export function A() {\n  return <p><New /></p>;\n}\n",
    ),
}


@pytest.mark.parametrize(("path", "before", "after"), REPORTS.values(), ids=REPORTS.keys())
def test_what_was_reported_of_others(path: str, before: str, after: str) -> None:
    """With the flag on, nothing of it is left."""
    language = next(one for one in LANGUAGES.values() if path.endswith(one.suffixes))
    removal = language.remove({path: before}, "new-checkout", "true", CALLS)
    assert removal.texts == {path: after}
    assert removal.whole
