"""A button in chat: what pressing it asks for, bound to one try of one revision, and sealed so that nobody makes his own.

What a chat hands back when a button is pressed is only as true as what was put into it. So a button carries what it is
about, and a MAC over all of it: a value that was changed, or made by somebody else, opens nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass

from sluice.errors import UnverifiedError
from sluice.manifests.own.audit_record import Act

LONGEST = 2000
"""Characters that Slack takes for the value of a button."""
PURPOSE = b"sluice.dev/buttons/v1"
"""What the key is for: it is made of a secret that signs other things too."""
FORGED = "this button was not made by this installation of sluice, or was changed"


@dataclass(frozen=True, slots=True)
class Button:
    """What pressing it asks for.

    Attributes:
        act: what is asked.
        namespace, canary, uid: of the Canary.
        revision: that it is about.
        begun: which try of the revision, by the version of the newest record that was there when it began.
        until: when it is too late, seconds since the epoch.
        gate, gate_uid, point: which Gate, as `namespace/name`, and at which point; empty where it is about the release.
    """

    act: Act
    namespace: str
    canary: str
    uid: str
    revision: str
    begun: int
    until: float
    gate: str = ""
    gate_uid: str = ""
    point: str = ""

    @property
    def key(self) -> str:
        """What tells it from others; the same for each time it is pressed."""
        return json.dumps({**asdict(self), "until": 0}, sort_keys=True)


@dataclass(frozen=True, slots=True, repr=False)
class Seal:
    """Seals buttons, and knows its own.

    Attributes:
        secret: shared by all parts of this installation that make or take buttons.
    """

    secret: str

    def sealed(self, button: Button) -> str:
        """The button as a value that a chat keeps; empty where it is longer than a chat takes."""
        body = urlsafe_b64encode(json.dumps(list(asdict(button).values()), separators=(",", ":")).encode()).decode()
        value = f"{body}.{self._mac(body)}"
        return value if len(value) <= LONGEST else ""

    def opened(self, value: str) -> Button:
        """The button that a chat handed back.

        Raises:
            UnverifiedError: it is none of ours.
        """
        body, _, mac = value.partition(".")
        if not hmac.compare_digest(self._mac(body).encode(), mac.encode("utf-8", "replace")):
            raise UnverifiedError(FORGED)
        try:
            act, *others = json.loads(urlsafe_b64decode(body))
            return Button(Act(act), *others)
        except (ValueError, TypeError) as error:
            raise UnverifiedError(f"{FORGED}: it is of another version of sluice") from error

    def _mac(self, body: str) -> str:
        key = hmac.digest(self.secret.encode(), PURPOSE, hashlib.sha256)
        mac = hmac.digest(key, body.encode("utf-8", "replace"), hashlib.sha256)
        return urlsafe_b64encode(mac).decode().rstrip("=")
