"""Pushes the sample application's image in variants that behave well or badly.

The behaviour is baked into the image's own configuration, so that a bad version differs from a good one by nothing
but its image, as in real life: the same manifest runs each of them.
"""

import re
from pathlib import Path

from lab.parts.oci import push_image
from lab.programs.gobuild import build_program

SHOP = Path(__file__).parent / "shop"
KINDS = "good, fail:<percent>, flag:<percent>, slow:<milliseconds>, never-ready, crash, crash:<milliseconds>"
CRASH_AFTER_MS = "500"
AMOUNT = re.compile(r"\d+(\.\d+)?")


def environment(tag: str, variant: str) -> dict[str, str]:
    """The environment that makes the program behave as the variant says.

    Raises:
        ValueError: there is no such variant.
    """
    match variant.split(":"):
        case ["good"]:
            behaviour = {}
        case ["never-ready"]:
            behaviour = {"READY": "never"}
        case ["crash"]:
            behaviour = {"CRASH_AFTER_MS": CRASH_AFTER_MS}
        case ["fail" | "flag" | "slow" | "crash" as kind, amount] if AMOUNT.fullmatch(amount):
            names = {"fail": "FAIL_PERCENT", "slow": "DELAY_MS", "crash": "CRASH_AFTER_MS"}
            name = {**names, "flag": "FLAG_FAIL_PERCENT"}[kind]  # while the flag that the manifest's FLAG_* name is on
            behaviour = {name: amount}
        case _:
            raise ValueError(f"no variant {variant!r}; there are {KINDS}")
    return {"VERSION": tag, **behaviour}


def push_variant(registry: str, name: str, tag: str, variant: str) -> str:
    """Build the program (once), push it as ``name:tag``, and say the image's digest."""
    environment_of_it = environment(tag, variant)
    program = build_program(SHOP, "shop")
    return push_image(registry, name, tag, {"shop": program}, ["/shop"], environment_of_it)
