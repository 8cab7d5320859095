"""A service of the user's that runs suites: a POST with an `Idempotency-Key` starts one, and a GET says how far it is.

Both answer JSON such as `{"state": "running", "url": "https://ci.example/7", "message": "3 of 40"}`; `state` is `running`,
`passed`, `failed` (its tests) or `broken` (its infrastructure); the answer to the POST may have `statusUrl`, where to ask.
A start whose answer was lost is found by `statusUrl` of the Gate; without one the POST is made once more with the same key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from blocks.suites.asking import LONGEST_ADDRESS, Asking, https, token_of, words
from blocks.suites.base import Launch, Progress, Reach, Started
from sluice.addresses import shown
from sluice.errors import InvalidError, NotFoundError
from sluice.gates.suite import Outcome
from sluice.manifests.own.gates.suite import WebhookSuite


@dataclass(frozen=True, slots=True)
class WebhookRunner:
    """A service at an address."""

    reach: Reach
    settles: float = 0.0

    async def start(self, launch: Launch) -> Started:
        spec = _spec(launch)
        api = await self._api(launch, launch.filled(spec.url, "webhook.url"))
        answer = await api.ask("POST", "", dict(launch.values))
        answer = answer if isinstance(answer, Mapping) else {}
        where = str(answer.get("statusUrl") or "") if not spec.status_url else ""
        if len(where) > LONGEST_ADDRESS:
            raise InvalidError(f"{shown(api.address)} says a statusUrl without end: set suite.webhook.statusUrl")
        if where and urlsplit(where)[:2] != urlsplit(api.address)[:2]:
            raise InvalidError(
                f"{shown(api.address)} says statusUrl {shown(where)}, which is at another host: our token is not sent "
                "there; name it in suite.webhook.statusUrl"
            )
        if not where and not spec.status_url:
            raise InvalidError(f"{shown(api.address)} says no statusUrl: set suite.webhook.statusUrl")
        return Started(where or launch.key, https(answer.get("url")))

    async def find(self, launch: Launch) -> Started | None:
        """By the Gate's `statusUrl`; without one nothing is known, and the same key makes the same suite."""
        if not _spec(launch).status_url:
            return None
        try:
            found = await self._status(launch, launch.key)
        except NotFoundError:
            return None
        return Started(launch.key, https(found.get("url")))

    async def progress(self, launch: Launch, run: str) -> Progress:
        found = await self._status(launch, run)
        try:
            outcome = Outcome(str(found.get("state")))
        except ValueError:
            states = ", ".join(Outcome)
            raise InvalidError(f"the service of the suite says no state that there is: one of {states}") from None
        said = "" if outcome is Outcome.RUNNING else words(found.get("message"))
        return Progress(outcome, said, https(found.get("url")))

    async def cancel(self, launch: Launch, run: str) -> None:
        """It hears nothing of it: there is no word for it in this protocol."""

    async def _status(self, launch: Launch, run: str) -> Mapping[str, Any]:
        spec = _spec(launch)
        address = launch.filled(spec.status_url, "webhook.statusUrl") if spec.status_url else run
        found = await (await self._api(launch, address)).ask("GET", "")
        if not isinstance(found, Mapping):
            raise InvalidError(f"{shown(address)} gives no JSON object")
        return found

    async def _api(self, launch: Launch, address: str) -> Asking:
        spec = _spec(launch)
        headers = {"Idempotency-Key": launch.key}
        token, where = await token_of(self.reach, launch, spec.secret_ref) if spec.secret_ref else (None, "secretRef")
        if token:
            headers["Authorization"] = f"Bearer {token.get_secret_value()}"
        return Asking(self.reach.http, f"suite at {urlsplit(address).hostname}", address, headers, token, where)


def _spec(launch: Launch) -> WebhookSuite:
    assert launch.suite.webhook is not None  # noqa: S101 - the table gives a suite to the runner that it names
    return launch.suite.webhook
