"""The kinds of Gates, by the field of a Gate that asks for one. A new one is a file, a row, and its field in the model."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from blocks.gates.kinds.approval import ApprovalGate
from blocks.gates.kinds.approval_board import Messages
from blocks.gates.kinds.base import ActingGateKind, Asked, GateAnswer, GateKind, Ways
from blocks.gates.kinds.dependency import DependencyGate
from blocks.gates.kinds.metric import MetricGate
from blocks.gates.kinds.soak import SoakGate
from blocks.gates.kinds.suite import SuiteGate
from blocks.gates.kinds.webhook import WebhookGate
from blocks.gates.kinds.window import WindowGate
from sluice.addresses import cleaned
from sluice.errors import SluiceError

log = logging.getLogger("sluice.gates")
Row = Callable[[Ways], GateKind]
KINDS: Mapping[str, Row] = {
    "approval": lambda ways: ApprovalGate(Messages(ways.board) if ways.board else None, ways.seal),
    "dependency": DependencyGate,
    "metric": lambda ways: MetricGate(ways.cluster, ways.metrics),
    "soak": lambda ways: SoakGate(),
    "suite": SuiteGate.of,
    "webhook": lambda ways: WebhookGate(ways.webhooks),
    "window": lambda ways: WindowGate(),
}
"""How a kind of Gate is made of what it may reach."""


@dataclass(frozen=True, slots=True)
class GateKinds:
    """Every kind of Gate of an installation.

    Attributes:
        ways: what they may reach.
        table: `KINDS`.
    """

    ways: Ways
    table: Mapping[str, Row] = field(default_factory=lambda: KINDS)
    _made: dict[str, GateKind] = field(default_factory=dict)

    async def ask(self, asked: Asked) -> GateAnswer:
        """What a Gate says. It is open where somebody has overridden it, whatever it says itself."""
        overridden = asked.said.override(asked.gate.key)
        if overridden:
            return GateAnswer(True, overridden)
        return await self._said(self._of(asked).ask(asked))

    async def act(self, asked: Asked) -> GateAnswer:
        """Have it do what its last answer was to do."""
        kind = self._of(asked)
        assert isinstance(kind, ActingGateKind)  # noqa: S101 - no other kind answers with `acts`
        return await self._said(kind.act(asked))

    def _of(self, asked: Asked) -> GateKind:
        name = asked.gate.spec.gate_kind
        if name not in self._made:
            self._made[name] = self.table[name](self.ways)
        return self._made[name]

    async def _said(self, answer: Awaitable[GateAnswer]) -> GateAnswer:
        """The answer; what breaks in it closes the gate, and ends no run."""
        try:
            return await answer
        except SluiceError as error:
            return GateAnswer(False, cleaned(str(error)))
        except Exception as error:
            log.exception("a gate broke")
            return GateAnswer(False, f"the gate broke: {cleaned(repr(error))}")
