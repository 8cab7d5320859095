"""The settings of forges: who sluice is there, and what it says."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from sluice.errors import InvalidError


class ForgeSettings(BaseSettings):
    """Part of the settings of an installation."""

    model_config = SettingsConfigDict(env_prefix="SLUICE_", frozen=True, extra="ignore", use_attribute_docstrings=True)

    github_token: SecretStr | None = None
    """Token that may write commit statuses and pull requests on github.com, and deployments and contents where releases are
    marked. Without it, and without a GitHub App, commits show no status."""
    github_app: str = Field("", pattern=r"^$|^[^/\s]+/[^/\s]+$")
    """`ID/INSTALLATION` of a GitHub App that does the same instead, and may write check runs; the second part is a number,
    or the organisation or user that it is installed for."""
    github_app_key: SecretStr | None = None
    """Private key of that app (PEM)."""
    gitlab_api_token: SecretStr | None = None
    """Token that may do the same on gitlab.com: with scope `api` and the role Developer."""
    environment: str = Field("", max_length=100, pattern=r"^[^\x00-\x1f<>]*$")
    """What the forge calls releases of this cluster, such as `production`: another name for each cluster. Without it only
    Canaries with an annotation `sluice.dev/environment` are marked."""

    cdevents_sink: SecretStr | None = None
    """Address that CDEvents of releases are posted to, as CloudEvents over HTTP; with a login in it where one is needed."""

    @property
    def github_app_login(self) -> dict[str, str]:
        """The GitHub App by the names of Flux's Secret; empty where there is none.

        Raises:
            InvalidError: one of its two settings is missing.
        """
        if not self.github_app and self.github_app_key is None:
            return {}
        if not self.github_app or self.github_app_key is None:
            raise InvalidError("a GitHub App needs both SLUICE_GITHUB_APP and SLUICE_GITHUB_APP_KEY")
        number, _, installation = self.github_app.partition("/")
        key = "githubAppInstallationID" if installation.isdigit() else "githubAppInstallationOwner"
        return {"githubAppID": number, "githubAppPrivateKey": self.github_app_key.get_secret_value(), key: installation}
