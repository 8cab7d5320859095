"""What every forge can show of a release: where a version runs, what its release notes say of it, how a check went."""

from __future__ import annotations

from typing import Protocol

from pydantic import BaseModel, ConfigDict

from blocks.forges.base import State


class Deployed(BaseModel):
    """A version in one environment.

    Attributes:
        key: of this very release: by it what was made before a crash is found again.
        service: what is released, `namespace/name`: several may come from one repository into one environment.
        environment: where.
        commit: its full hash.
        version: what people call it.
        state: how it goes.
        description: one sentence; what is too long for the forge is cut.
    """

    model_config = ConfigDict(frozen=True)
    key: str
    service: str
    environment: str
    commit: str
    version: str
    state: State
    description: str = ""


class Check(BaseModel):
    """A check of a commit, such as the tests that a gate waits for.

    Attributes:
        key: of this very run of it: by it what was made before a crash is found again.
        name: what people call it; a branch may require it by this name.
        commit: its full hash.
        state: how it goes.
        title: one line.
        summary: more, as Markdown.
        link: to the report; empty for none.
    """

    model_config = ConfigDict(frozen=True)
    key: str
    name: str
    commit: str
    state: State
    title: str
    summary: str = ""
    link: str = ""


class Note(BaseModel):
    """One line in the notes of a release.

    Attributes:
        key: of the place that it is about; a later line of the same key takes its place.
        version: whose notes: of a release whose tag is this, or this after a `v`.
        line: Markdown, on one line.
    """

    model_config = ConfigDict(frozen=True)
    key: str
    version: str
    line: str

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that its release may have, as people write versions."""
        version = self.version.strip()
        return tuple(dict.fromkeys((version, f"v{version}") if version[:1].isdigit() else (version,)))


class Marks(Protocol):
    """How one forge shows releases. Everything may be done twice and shows once.

    All raise TransientError where the forge is away or asks to wait, and TerminalError where it refuses us or has no such
    repository or commit; no error has the token in it.
    """

    async def deploy(self, url: str, wish: Deployed) -> None:
        """Bring the deployment of this key to its state, and make it where there is none."""

    async def note(self, url: str, wish: Note) -> bool:
        """Bring the line of this key into the notes of the version's release; False where there is no such release."""

    async def check(self, url: str, wish: Check) -> None:
        """Bring the check of this key to its state, and make it where there is none."""
