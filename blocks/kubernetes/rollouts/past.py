"""Templates that workloads had before, read from the history that their controllers keep, each once."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from blocks.kubernetes.cluster import Cluster, Kind
from sluice.rollout.tending.past import PAST, as_it_was, with_template
from sluice.rollout.workloads.base import Workload

Object = dict[str, Any]
MOST = 512
"""Templates that are remembered: a few kilobytes each, one for each release under way."""


@dataclass(slots=True)
class Past:
    """What workloads were, by their uid, their primary's, and revision. A revision never has another template, so it is
    asked for once."""

    _templates: OrderedDict[tuple[str, str, str], Object | None] = field(default_factory=OrderedDict)

    async def find(
        self,
        cluster: Cluster,
        workload: Workload,
        target: Object,
        revision: str,
        primary: Object | None,
    ) -> Object | None:
        """The target with the template of a revision that it had; None where its history does not have that.

        Args:
            primary: its copy, which has a history of its own. Where there is none it is asked once more for what was not
                found before.
        """
        fresh = primary is None
        key = (str(target["metadata"].get("uid")), str((primary or {}).get("metadata", {}).get("uid")), revision)
        if key in self._templates and (self._templates[key] is not None or not fresh):
            self._templates.move_to_end(key)
        else:
            past = PAST[workload.kind]
            kept = await cluster.list(Kind(past.api_version, past.kind, past.plural), target["metadata"]["namespace"])
            found = as_it_was(workload, target, revision, kept, primary)
            self._templates[key] = found["spec"]["template"] if found else None
            while len(self._templates) > MOST:
                self._templates.popitem(last=False)
        template = self._templates[key]
        return None if template is None else with_template(target, template)
