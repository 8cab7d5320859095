"""What sluice wants to be in Prefect: its deployments, and which event starts which of them.

Flows are named by module, never by file path: a path entry point would load `flows/roll_out.py` as a module `roll_out`
and put its folder on the import path.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from importlib import import_module
from typing import Any

from prefect import Flow

from sluice.errors import TerminalError
from sluice.events.model import (
    AutomationDue,
    Event,
    FlagRolloutChanged,
    ImagePushed,
    SourceChanged,
    TargetChanged,
    TrainDue,
)


class Queue(StrEnum):
    """The work queues of the pool. A worker has room of its own for each, so that none waits behind another."""

    SHORT = "short"
    """Flows that last for seconds: deliveries, syncs, reconciliation."""
    ROLLOUTS = "rollouts"
    """Flows that wait for most of their life."""

    @property
    def priority(self) -> int:
        """Prefect's priority: lower goes first."""
        return 1 if self is Queue.SHORT else 10


@dataclass(frozen=True, slots=True)
class Workflow:
    """A flow that sluice deploys.

    Attributes:
        entrypoint: module and function, `flows.roll_out.roll_out`.
        event: the event that starts it; its payload gives the parameters of the same names.
        every: how often it is started by the clock.
        tags: tags of the deployment and its runs.
        queue: work queue that its runs wait in.
    """

    entrypoint: str
    event: type[Event] | None = None
    every: timedelta | None = None
    tags: tuple[str, ...] = ("sluice",)
    queue: Queue = Queue.SHORT

    @property
    def deployment(self) -> str:
        """Name of the deployment: that of the function."""
        return self.entrypoint.rpartition(".")[2]

    @property
    def automation(self) -> str:
        """Name of the automation that starts it, in the words of the event: `sluice: image pushed → deliver_image`."""
        words = self.event.name.removeprefix("sluice.").replace(".", " ") if self.event else ""
        return f"sluice: {words} → {self.deployment}"

    def load(self) -> Flow[Any, Any]:
        """The flow itself.

        Raises:
            TerminalError: the module or the flow is not there.
        """
        module, _, function = self.entrypoint.rpartition(".")
        try:
            flow = getattr(import_module(module), function)
        except (ImportError, AttributeError) as error:
            raise TerminalError(f"flow {self.entrypoint} cannot be imported: {error}") from error
        if not isinstance(flow, Flow):
            raise TerminalError(f"{self.entrypoint} is no Prefect flow")
        return flow


WORKFLOWS = (
    Workflow("flows.deliver_image.deliver_image", event=ImagePushed),
    Workflow("flows.update_git.update_git", event=AutomationDue),
    Workflow("flows.sync_source.sync_source", event=SourceChanged),
    Workflow("flows.roll_out.roll_out", event=TargetChanged, queue=Queue.ROLLOUTS),
    Workflow("flows.audit_flags.audit_flags", every=timedelta(days=7)),
    Workflow("flows.toggle_flag.toggle_flag", event=FlagRolloutChanged, queue=Queue.ROLLOUTS),
    Workflow("flows.run_train.run_train", event=TrainDue, queue=Queue.ROLLOUTS),
    Workflow("flows.answer_gate.answer_gate"),
    Workflow("flows.reconcile.reconcile", every=timedelta(seconds=60)),
)


def parameters_from(event: type[Event]) -> dict[str, Any]:
    """How an automation makes a flow's parameters of an event: each from the payload's field of its name.

    Through JSON, so that a text stays the text it was: a version `1.10` or a commit of digits only is no number.
    """
    names = [name for name in event.model_fields if name != "delivery"]
    return {
        name: {
            "__prefect_kind": "json",
            "value": {"__prefect_kind": "jinja", "template": f"{{{{ event.payload.{name} | tojson }}}}"},
        }
        for name in names
    }
