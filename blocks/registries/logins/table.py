"""The clouds that give logins, by `spec.provider` of Flux's ImageRepository. A new one is a file and a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from blocks.registries.logins.aws import Aws
from blocks.registries.logins.azure import Azure
from blocks.registries.logins.base import Login
from blocks.registries.logins.gcp import Gcp

LOGINS: Mapping[str, Callable[[Mapping[str, str]], Login]] = {
    "aws": Aws,
    "azure": Azure,
    "gcp": Gcp,
}
