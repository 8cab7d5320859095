"""The settings of chat: where messages go, and who is heard."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class ChatSettings(BaseSettings):
    """Part of the settings of an installation."""

    model_config = SettingsConfigDict(env_prefix="SLUICE_", frozen=True, extra="ignore", use_attribute_docstrings=True)

    slack_token: SecretStr | None = None
    """Bot token for Slack messages. Without it nothing is sent."""
    slack_channel: str = "deliveries"
    """Channel for Slack messages."""
    slack_url: str = Field("https://slack.com/api/", repr=False)
    """Base URL of Slack's Web API."""

    slack_signing_secret: SecretStr | None = None
    """Signing secret of the Slack app. With it and `slack_token` messages have buttons, and `/slack/…` hears them."""
    slack_people: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict)
    """What sluice calls people of Slack: `U0123=alice,U0456=bob`. Others are called by their e-mail address."""
    slack_operators: Annotated[tuple[str, ...], NoDecode] = ()
    """Who may do more from Slack than pause and abort: names, user groups as `@on-call`, `*` for everybody."""

    @field_validator("slack_people", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [part.strip().partition("=") for part in value.split(",") if part.strip()]
        if wrong := next((user for user, equals, name in pairs if not (user and equals and name)), None):
            raise ValueError(f"{wrong!r} is no pair such as U0123=alice: set SLUICE_SLACK_PEOPLE")
        return {user.strip(): name.strip() for user, _, name in pairs}

    @field_validator("slack_operators", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @property
    def hears_slack(self) -> bool:
        """Whether people may ask for something from Slack."""
        return self.slack_token is not None and self.slack_signing_secret is not None
