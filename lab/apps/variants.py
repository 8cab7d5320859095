"""Pushes the sample application's image in variants that behave well or badly.

The behaviour is baked into the image's own configuration, so that a bad version differs from a good one by nothing
but its image, as in real life: the same manifest runs each of them.
"""

from pathlib import Path

from lab.gobuild import build_program
from lab.oci import push_image

SHOP = Path(__file__).parent / "shop"
KINDS = "good, fail:<percent>, slow:<milliseconds>, never-ready, crash, crash:<milliseconds>"
CRASH_AFTER_MS = "500"


def environment(tag: str, variant: str) -> dict[str, str]:
    """The environment that makes the program behave as the variant says.

    Raises:
        ValueError: there is no such variant.
    """
    kind, _, amount = variant.partition(":")
    behaviour = {
        "good": {},
        "fail": {"FAIL_PERCENT": amount},
        "slow": {"DELAY_MS": amount},
        "never-ready": {"READY": "never"},
        "crash": {"CRASH_AFTER_MS": amount or CRASH_AFTER_MS},
    }.get(kind)
    takes_amount = kind in ("fail", "slow")
    if behaviour is None or takes_amount != bool(amount) and kind != "crash" or not amount.replace(".", "0", 1).isdigit() and amount:
        raise ValueError(f"no variant {variant!r}; there are {KINDS}")
    return {"VERSION": tag, **behaviour}


def push_variant(registry: str, name: str, tag: str, variant: str) -> str:
    """Build the program (once), push it as ``name:tag``, and say the image's digest."""
    program = build_program(SHOP, "shop")
    return push_image(registry, name, tag, {"shop": program}, ["/shop"], environment(tag, variant))
