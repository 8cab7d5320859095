"""The calls of the SDKs for Go, TypeScript (and JavaScript) and Java, from each SDK's published interface.

A name that many libraries use (`String`, `Boolean`) is only a flag's call behind `client.`, or where it is handed a
`FlagKey`. Where one name gives a promise on servers and a value in browsers, both are rows; how the code uses it says
which one it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sluice.flags.calls import BOOLEAN, VARIANT, Argument, FlagCall, Type

GO, TYPESCRIPT, JAVA = (frozenset({name}) for name in ("go", "typescript", "java"))
SECOND = Argument(1)
NAMED = Argument(None, "flag_key")
BOTH: tuple[Type, Type] = (BOOLEAN, VARIANT)
CAPITAL: tuple[tuple[Type, str], ...] = ((BOOLEAN, "Boolean"), (VARIANT, "String"))
SHORT: tuple[tuple[Type, str], ...] = ((BOOLEAN, "Bool"), (VARIANT, "String"))
ASKED: tuple[tuple[Type, str, str], ...] = ((BOOLEAN, "Boolean", "enabled"), (VARIANT, "Variant", "variant_key"))


def _either(name: str, kind: Type, key: Argument = Argument(0), result: str = "") -> tuple[FlagCall, ...]:  # noqa: B008
    """A call of JavaScript that gives a value in browsers and a promise on servers."""
    return tuple(
        FlagCall(name, TYPESCRIPT, kind=kind, key=key, result=result, asynchronous=promised)
        for promised in (True, False)
    )


_OPENFEATURE = (
    *(
        FlagCall(name, GO, kind=kind, key=SECOND, default=Argument(2), result=result)
        for kind, typed in CAPITAL
        for name, result in ((f"client.{typed}", ""), (f"{typed}Value", ""), (f"{typed}ValueDetails", "value"))
    ),
    *(
        row
        for kind, typed in CAPITAL
        for name, result in ((f"get{typed}Value", ""), (f"get{typed}Details", "value"))
        for row in (
            *_either(name, kind, result=result),
            FlagCall(name, JAVA, kind=kind, default=SECOND, result=result),
        )
    ),
    *(
        FlagCall(name, TYPESCRIPT, kind=kind, default=SECOND, result=result)
        for kind, typed in CAPITAL
        for name, result in ((f"use{typed}FlagValue", ""), (f"use{typed}FlagDetails", "value"))
    ),
)
_FLIPT = tuple(
    row
    for kind, typed, result in ASKED
    for row in (
        FlagCall(f"Evaluate{typed}", GO, kind=kind, key=NAMED, result=result),
        FlagCall(typed, GO, kind=kind, key=NAMED, result=result),
        *_either(f"evaluate{typed}", kind, NAMED, result),
        *_either(f"evaluation.{typed.lower()}", kind, NAMED, result),
        FlagCall(f"evaluate{typed}", JAVA, kind=kind, result=result),
    )
)
_LAUNCHDARKLY = (
    *(FlagCall(f"{typed}Variation", GO, kind=kind) for kind, typed in SHORT),
    *(FlagCall(f"{typed}VariationCtx", GO, kind=kind, key=SECOND) for kind, typed in SHORT),
    *(FlagCall(f"{typed.lower()}Variation", JAVA, kind=kind) for kind, typed in SHORT),
    *(row for kind, typed in SHORT for row in _either(f"{typed.lower()}Variation", kind)),
    *(row for kind in BOTH for row in _either("client.variation", kind)),
    *(FlagCall("useFlags", TYPESCRIPT, kind=kind, members=True) for kind in BOTH),
)
TYPED: Mapping[str, tuple[FlagCall, ...]] = MappingProxyType(
    {
        "openfeature": _OPENFEATURE,
        "flipt": _FLIPT,
        "launchdarkly": _LAUNCHDARKLY,
        "unleash": (
            FlagCall("unleash.IsEnabled", GO),
            FlagCall("isEnabled", TYPESCRIPT),
            FlagCall("isEnabled", JAVA),
            FlagCall("getVariant", TYPESCRIPT, kind=VARIANT, result="name"),
            FlagCall("getVariant", JAVA, kind=VARIANT, result="name"),
        ),
        "posthog": (
            *_either("isFeatureEnabled", BOOLEAN),
            *_either("getFeatureFlag", VARIANT),
            FlagCall("useFeatureFlagEnabled", TYPESCRIPT),
            FlagCall("useFeatureFlagVariantKey", TYPESCRIPT, kind=VARIANT),
            FlagCall("posthog.isFeatureEnabled", JAVA, key=SECOND),
        ),
        "flagsmith": (
            FlagCall("IsFeatureEnabled", GO),
            FlagCall("hasFeature", TYPESCRIPT),
            FlagCall("isFeatureEnabled", JAVA),
        ),
        "growthbook": (
            FlagCall("isOn", TYPESCRIPT),
            FlagCall("isOff", TYPESCRIPT, negated=True),
            FlagCall("useFeatureIsOn", TYPESCRIPT),
            FlagCall("isOn", JAVA),
            FlagCall("isOff", JAVA, negated=True),
        ),
        "statsig": (
            FlagCall("statsig.CheckGate", GO, key=SECOND),
            FlagCall("checkGate", TYPESCRIPT),
            FlagCall("useGateValue", TYPESCRIPT),
            FlagCall("checkGateSync", JAVA, key=SECOND),
        ),
    }
)
