"""The secrets that senders of webhooks share with this installation, by the settings' field that a sender names."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import SecretStr, create_model
from pydantic_settings import BaseSettings, SettingsConfigDict

from deployments.settings import Settings

Secret = Callable[[str], SecretStr | None]
"""The secret in the named field; None where it is not set. An empty secret is one that is not set."""


class _Own(BaseSettings):
    """Reads what senders of installed packages need: fields that sluice's own settings do not have."""

    model_config = SettingsConfigDict(env_prefix="SLUICE_", frozen=True, extra="ignore")


def secrets_of(settings: Settings) -> Secret:
    """Looks a field up in the settings or, where they have no such field, in `SLUICE_<FIELD>` of the environment."""

    def secret(field: str) -> SecretStr | None:
        known = getattr(settings, field) if field in Settings.model_fields else _from_environment(field)
        return known if isinstance(known, SecretStr) and known.get_secret_value() else None

    return secret


def _from_environment(field: str) -> object:
    return getattr(create_model("Own", __base__=_Own, **{field: (SecretStr | None, None)})(), field)  # type: ignore[call-overload]
