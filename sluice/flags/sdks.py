"""The SDKs' calls, by the SDK's name, from each SDK's published interface."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sluice.flags.calls import BOOLEAN, VARIANT, Argument, FlagCall
from sluice.flags.sdks_typed import TYPED

PYTHON = frozenset({"python"})
FLAG_KEY = Argument(0, "flag_key")
KEY = Argument(0, "key")

_OPENFEATURE_PYTHON = tuple(
    FlagCall(
        f"get_{typed}_{form}{suffix}",
        PYTHON,
        kind=VARIANT if typed == "string" else BOOLEAN,
        key=FLAG_KEY,
        default=Argument(1, "default_value"),
        result="value" if form == "details" else "",
        asynchronous=bool(suffix),
    )
    for typed in ("boolean", "string")
    for form in ("value", "details")
    for suffix in ("", "_async")
)
_LAUNCHDARKLY_PYTHON = tuple(
    FlagCall(name, PYTHON, kind=kind, key=KEY, default=Argument(2, "default"), result=result)
    for name, result in (("variation", ""), ("variation_detail", "value"))
    for kind in (BOOLEAN, VARIANT)
)
_WAFFLE_PYTHON = (
    FlagCall("flag_is_active", PYTHON, key=Argument(1, "flag_name")),
    FlagCall("switch_is_active", PYTHON, key=Argument(0, "switch_name")),
    FlagCall("sample_is_active", PYTHON, key=Argument(0, "sample_name")),
    FlagCall("waffle_flag", PYTHON, key=Argument(0, "flag_name"), decorates=True),
    FlagCall("waffle_switch", PYTHON, key=Argument(0, "switch_name"), decorates=True),
)

_PYTHON: Mapping[str, tuple[FlagCall, ...]] = MappingProxyType(
    {
        "openfeature": _OPENFEATURE_PYTHON,
        "flipt": (
            FlagCall("evaluate_boolean", PYTHON, key=FLAG_KEY, result="enabled"),
            FlagCall("evaluate_variant", PYTHON, kind=VARIANT, key=FLAG_KEY, result="variant_key"),
            FlagCall("evaluation.boolean", PYTHON, key=FLAG_KEY, result="enabled"),
            FlagCall("evaluation.variant", PYTHON, kind=VARIANT, key=FLAG_KEY, result="variant_key"),
        ),
        "launchdarkly": _LAUNCHDARKLY_PYTHON,
        "unleash": (
            FlagCall("is_enabled", PYTHON, key=Argument(0, "feature_name")),
            FlagCall("get_variant", PYTHON, kind=VARIANT, key=Argument(0, "feature_name"), result="name"),
        ),
        "waffle": _WAFFLE_PYTHON,
        "posthog": (
            FlagCall("feature_enabled", PYTHON, key=KEY),
            FlagCall("get_feature_flag", PYTHON, kind=VARIANT, key=KEY),
        ),
        "flagsmith": (FlagCall("is_feature_enabled", PYTHON, key=Argument(0, "feature_name")),),
        "growthbook": (
            FlagCall("is_on", PYTHON, key=KEY),
            FlagCall("is_off", PYTHON, key=KEY, negated=True),
        ),
        "statsig": (FlagCall("check_gate", PYTHON, key=Argument(1, "gate_name")),),
    }
)
SDKS: Mapping[str, tuple[FlagCall, ...]] = MappingProxyType(
    {name: (*_PYTHON.get(name, ()), *TYPED.get(name, ())) for name in dict.fromkeys((*_PYTHON, *TYPED))}
)
"""A call whose name two SDKs share (`variation`) stands for each type that it can answer."""
ALL: tuple[FlagCall, ...] = tuple(call for calls in SDKS.values() for call in calls)
