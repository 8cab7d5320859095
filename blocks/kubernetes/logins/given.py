"""A credential that was given and does not change, of a kubeconfig in a Secret: another one is another connection."""

from __future__ import annotations

from dataclasses import dataclass, field

from blocks.kubernetes.logins.base import Credential


@dataclass(slots=True)
class Given:
    """The login by what was given.

    Attributes:
        header: the Authorization header; empty where a client certificate says who we are.
        who: where it is from, for messages.
    """

    header: str = field(repr=False)
    who: str

    @property
    def refusal(self) -> str:
        return f"the credentials of {self.who} are refused: put newer ones into it"

    async def credential(self) -> Credential:
        return Credential(self.header)

    async def renew(self, refused: Credential) -> bool:
        """There is no other."""
        return False

    async def close(self) -> None:
        """Nothing is under way."""
