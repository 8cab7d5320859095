"""The environment around the settings: variables that look like settings and are none.

Two things put such variables there: typing errors, which must be named, and Kubernetes, which gives each pod variables for
the Services of its namespace and must not be taken for a person (a Service `sluice-receiver` makes SLUICE_RECEIVER_PORT).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from pydantic_settings import BaseSettings

_LINK = re.compile(r"(?:tcp|udp|sctp)://")
_LINK_NAME = re.compile(r".*_SERVICE_(?:HOST|PORT(?:_.+)?)|.*_PORT_\d+_(?:TCP|UDP|SCTP)(?:_PROTO|_PORT|_ADDR)?")
_OTHERS = ("SLUICE_LAB_",)
"""Variables of the lab, which are no settings of an installation."""


def is_service_link(value: object) -> bool:
    """Whether a value is the address that Kubernetes gives for a Service, as `tcp://10.0.0.7:4200`."""
    return isinstance(value, str) and _LINK.match(value) is not None


def unknown_settings(settings: type[BaseSettings], environ: Mapping[str, str]) -> str:
    """One warning about the variables that no setting has, with what was probably meant; empty where there is none."""
    prefix = str(settings.model_config.get("env_prefix", "")).upper()
    known = {f"{prefix}{name}".upper() for name in settings.model_fields}
    found = []
    for name, value in sorted(environ.items()):
        upper = name.upper()
        if not upper.startswith(prefix) or upper in known or upper.startswith(_OTHERS):
            continue
        if is_service_link(value) or _LINK_NAME.fullmatch(upper):
            continue
        near = difflib.get_close_matches(upper, known, 1, 0.85)
        found.append(f"{name} ({near[0]}?)" if near else name)
    return f"no setting has this name, it does nothing: {', '.join(found)}" if found else ""
