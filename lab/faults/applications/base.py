"""What the fault suite knows of a shape of application: what it is made of, and how a person reads what becomes of it.

Nothing here is sluice's: a label or an annotation that is read is written out as the documentation has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lab.api.paths import path_of, plural_of
from lab.faults.judged.history import Facts, History

Object = dict[str, Any]
Place = tuple[str, str]
"""Plural and name, as the history keeps objects."""
PRIMARY, CANARY = "primary", "canary"
INTERVAL_S = 2
INSTANCE = "app.kubernetes.io/instance"
NEIGHBOUR = "neighbour"
"""Tag of the image that an application's neighbour runs: so that a user's answer says whose pod it was."""
ROUND_NOTE = "faults/round"
"""Annotation of a template that makes it a revision of its own."""


def neighbour_of(app: str) -> str:
    """The name of an application's neighbour."""
    return f"{app}-{NEIGHBOUR}"


@dataclass(frozen=True, slots=True)
class Site:
    """Where an application is built: its names, its image, and what of the lab it uses.

    Attributes:
        gate: the type of the gate that its Canary has; empty for none.
    """

    app: str
    namespace: str
    host: str
    image: str
    gateway: Object
    gate_url: str
    gate: str = ""

    @property
    def meta(self) -> Object:
        return {"name": self.app, "namespace": self.namespace, "labels": {"app": self.app}}

    @property
    def neighbour(self) -> Site:
        """Where an application is built that has nothing to do with this one but some of its labels."""
        name, image = neighbour_of(self.app), f"{self.image.rpartition(':')[0]}:{NEIGHBOUR}"
        return replace(self, app=name, host=self.host.replace(self.app, name, 1), image=image)


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of object of an application.

    Attributes:
        reads: its facts. Of a workload `tag`, `round`, `pods` (wanted), `frozen`, `ready`, `updated`, `all`, `observed`;
            of a route `weights` by side, no facts at all where it is not the Canary's.
    """

    api_version: str
    kind: str
    reads: Callable[[Mapping[str, Any]], Facts]

    @property
    def plural(self) -> str:
        return plural_of(self.kind)

    def named(self, name: str) -> Place:
        """Where the history has the object of that name."""
        return self.plural, name

    def path(self, namespace: str, name: str = "") -> str:
        """The path of one in the API, or of all of them in a namespace."""
        meta = {"namespace": namespace, "name": name}
        return path_of({"apiVersion": self.api_version, "kind": self.kind, "metadata": meta})


Reached = Callable[[History, str, str, int], bool]
"""(history, application, side, version) → whether a ready pod was where the route sends that side's users."""


@dataclass(frozen=True, slots=True)
class Route(Part):
    """What decides where users go.

    Attributes:
        ready: whether users who are sent to a side meet a ready pod.
        users_at: (application, weights) → the Services that users' requests go to.
        acts: what its writes are called where they are no HTTPRoute's; empty for one that never comes.
    """

    ready: Reached
    users_at: Callable[[str, Mapping[str, int]], list[str]]
    acts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Strategy:
    """How a new revision meets its users.

    Attributes:
        analysis: of the Canary.
        shares: percent of the users that the canary may have before it is promoted, but for 0.
        intervals: how many pass before a promotion, at least.
        measured: whether it is judged by metrics; else by its tests alone.
        acts: writes of a release that no other strategy has.
    """

    analysis: Callable[[Site], Object]
    shares: frozenset[int]
    intervals: int
    measured: bool
    acts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Application:
    """One shape of application.

    Attributes:
        manifests: all of its objects, in the order in which a team would create them; the Canary is the last one.
        workload: the kind of its target and primary.
        autoscaler: the kind of what scales its target, named as the target is; None where nothing does.
        neighbour: whether another application stands next to it, with users of its own, whose pods share a label with it.
        twin: whether an application of its name is released in a second namespace at the same time, with a story of its own.
        hands: what only its people, or what scales it, do to it, by the names in `striking/hands.py`.
    """

    name: str
    manifests: Callable[[Site], list[Object]]
    workload: Part
    route: Route
    strategy: Strategy
    autoscaler: Part | None = None
    neighbour: bool = False
    twin: bool = False
    hands: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[Part, ...]:
        """The kinds of its objects that are observed."""
        return (self.workload, self.route, *([self.autoscaler] if self.autoscaler else []))
