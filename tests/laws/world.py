"""The world of one Canary among people: what is in it, where its users are, and what is wrong for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sluice.errors import InvalidError
from sluice.gates.points import POINTS
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.objects import REVISION_ANNOTATION
from sluice.rollout.workloads import WORKLOADS
from sluice.rollout.workloads.daemonset import FROZEN, KEPT_STRATEGY
from tests.laws.labels import INSTANCE, NEIGHBOURS, neighbour, target_of
from tests.laws.people import IMAGES, PRIMARY
from tests.laws.town import ELSEWHERE, Town, is_strange, stranger
from tests.memory_workloads import image_of
from tests.samples import NAME, NAMESPACE, canary_manifest, copied, gate

Object = dict[str, Any]
PROVIDERS: dict[str, Object] = {
    "gatewayapi:v1": {"stepWeights": [10, 30, 50]},
    "kubernetes": {"stepWeights": [], "iterations": 3},
}
"""What the analysis says for each kind of route."""
SHAPES = [(provider, kind) for provider in PROVIDERS for kind in ("Deployment", "DaemonSet")]
"""Each provider with each kind of target."""
TEMPLATE = {
    "apiVersion": "flagger.app/v1beta1",
    "kind": "MetricTemplate",
    "metadata": {"name": "own", "namespace": NAMESPACE},
    "spec": {"provider": {"type": "prometheus"}, "query": "good"},
}
OWN = {"name": "own", "interval": "1m", "thresholdRange": {"min": 1}, "templateRef": {"name": "own"}}
STRANGERS: dict[tuple[str, str], Object] = {
    **{("Deployment", name): neighbour(name) for name in NEIGHBOURS},
    ("Service", "other"): {"selector": {INSTANCE: "other"}},
    ("HTTPRoute", "other"): {"rules": [], "parentRefs": []},
}
"""Kind and name of what is somebody else's → its spec. Its pods share a label with the Canary's."""
AUTOSCALER = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": NAME, "namespace": NAMESPACE},
    "spec": {
        "minReplicas": 2,
        "maxReplicas": 5,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME},
    },
}


@dataclass
class World:
    """The objects of one Canary with its application, and somebody else's next to them.

    Attributes:
        provider, kind: of the Canary's route and target.
        autoscaled: an autoscaler says how many pods the primary has.
        images: what each revision runs.
    """

    provider: str = "gatewayapi:v1"
    kind: str = "Deployment"
    autoscaled: bool = False
    town: Town = field(default_factory=Town, init=False)

    def __post_init__(self) -> None:
        webhooks = [gate(kind) for kind in POINTS if kind != "rollout"]
        analysis = {"interval": "10s", **PROVIDERS[self.provider], "metrics": [OWN], "webhooks": webhooks}
        spec = {
            "provider": self.provider,
            "analysis": analysis,
            "progressDeadlineSeconds": 60,
            "targetRef": {"kind": self.kind},
        }
        self.rules = WORKLOADS[self.kind]
        owner = {
            "apiVersion": "example.test/v1",
            "kind": "Shop",
            "metadata": {"name": "elsewhere", "uid": ELSEWHERE},
        }
        if self.autoscaled:
            spec["autoscalerRef"] = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": NAME}
            self.town.add(copied(AUTOSCALER))
        target = target_of(self.kind, IMAGES[0])
        self.town.add({**owner, "spec": {}}, canary_manifest(spec), target, TEMPLATE)
        for (kind, name), theirs in STRANGERS.items():
            self.town.add(stranger(kind, name, NAMESPACE, copied(theirs)))
        self.images = {self.revision_of(target_of(self.kind, image)): image for image in IMAGES}
        self.town.broken_images.add(IMAGES[3])

    def learn_image(self) -> None:
        """Know what the target's present revision runs, given by any hand."""
        target = self.find(self.kind)
        if target is not None:
            self.images[self.revision_of(target)] = target["spec"]["template"]["spec"]["containers"][0]["image"]

    def revision_of(self, item: Object) -> str:
        return self.rules.reads.revision(item)

    def find(self, kind: str, name: str = NAME) -> Object | None:
        return self.town.objects.get((kind, NAMESPACE, name))

    def strangers(self) -> list[Object]:
        """What is somebody else's, as it is."""
        return [copied(item) for item in self.town.objects.values() if is_strange(item)]

    def in_the_way(self) -> bool:
        """Whether somebody else has a name that sluice needs."""
        return any((item["kind"], item["metadata"]["name"]) not in STRANGERS for item in self.strangers())

    def given(self) -> dict[str, int]:
        """How many pods the target and the primary were given; a kind whose pods the nodes count has none that are."""
        found = {name: (self.find("Deployment", name) or {}).get("spec", {}) for name in (NAME, PRIMARY)}
        return {name: int(spec["replicas"]) for name, spec in found.items() if "replicas" in spec}

    @property
    def status(self) -> Object:
        return (self.find("Canary") or {}).get("status") or {}

    def users_at(self) -> list[str]:
        """The Services that users' requests go to now."""
        if self.provider == "kubernetes":
            return [NAME] if self.find("Service") else []
        route = self.find("HTTPRoute")
        rules = (route or {}).get("spec", {}).get("rules") or []
        users = [rule for rule in rules if "headers" not in rule["matches"][0]]
        return [one["name"] for rule in users for one in rule["backendRefs"] if one.get("weight", 1)]

    def troubles(self) -> frozenset[str]:
        """What is wrong for users now; those inside the cluster come by the apex Service, whatever the route says."""
        found = []
        if self.unmade():
            return frozenset()  # they are where they were before there was a Canary
        mine = [pod for pod in self.town.behind("other", NAMESPACE) if pod["metadata"]["labels"][INSTANCE] != "other"]
        found += [f"the neighbour's users meet {image_of(pod)}" for pod in mine]
        if self.find("Service") is None:
            found.append(f"users at {NAME} meet nothing of that name")
        for service in dict.fromkeys([*self.users_at(), *([NAME] if self.find("Service") else [])]):
            pods = self.town.behind(service, NAMESPACE)
            if not pods:
                found.append(f"users at {service} meet no ready pod")
            found += [f"users at {service} meet {image_of(pod)}" for pod in pods if not self._may_be_met(image_of(pod))]
        return frozenset(found)

    def unmade(self) -> bool:
        """Whether there is no primary yet, or a person has cancelled that: nobody is led to one then."""
        phase, promoted = self.status.get("phase"), self.status.get("lastPromotedSpec")
        return phase in {None, Phase.INITIALIZING} or (phase == Phase.FAILED and not promoted)

    def kept_back(self) -> bool:
        """Whether somebody has made the target with the update strategy by which it was frozen: nobody knows its own."""
        target = self.find(self.kind) or {}
        frozen = (target.get("spec") or {}).get("updateStrategy", {}).get("type") == FROZEN
        return frozen and KEPT_STRATEGY not in (target["metadata"].get("annotations") or {})

    def suspended(self) -> bool:
        return bool((self.find("Canary") or {}).get("spec", {}).get("suspend"))

    def skipped(self) -> bool:
        return bool((self.find("Canary") or {}).get("spec", {}).get("skipAnalysis"))

    def _may_be_met(self, image: str) -> bool:
        known = {self.status.get("lastPromotedSpec"), self.status.get("lastAppliedSpec")}
        return image in {self.images.get(revision) for revision in known}

    def invalid(self) -> bool:
        """Whether people have left a Canary that nobody can read."""
        canary = self.find("Canary")
        try:
            return canary is not None and not Canary.parse(canary)
        except InvalidError:
            return True

    def impossible(self) -> bool:
        """Whether people have left it so that nobody could release anything."""
        return self.find("Canary") is None or self.invalid() or self.in_the_way() or self.find(self.kind) is None

    def at_rest(self) -> None:
        """The laws of rest: the journal is what is there, users are at home, and everything is as it should be."""
        canary = Canary.parse(self.town.now("Canary", NAME, NAMESPACE))
        status = canary.status
        assert status.phase in {Phase.SUCCEEDED, Phase.FAILED, Phase.INITIALIZED}, status.phase
        primary, target = self.find(self.kind, PRIMARY), self.find(self.kind)
        assert primary is not None, "no primary"
        assert target is not None, "no target"
        assert primary["metadata"]["annotations"][REVISION_ANNOTATION] == status.last_promoted_spec
        assert self.images[status.last_promoted_spec] == primary["spec"]["template"]["spec"]["containers"][0]["image"]
        assert self.rules.writes.scaled(target, 0) is None, "the target has pods at rest"
        assert not self.troubles(), self.troubles()
        for name in (NAME, PRIMARY, f"{NAME}-canary"):
            service = self.find("Service", name)
            assert service is not None, f"Service {name} is gone"
            assert [one["port"] for one in service["spec"]["ports"]] == [canary.spec.service.port]
        assert self.town.behind(PRIMARY, NAMESPACE), "the primary's Service offers nothing"
        if self.autoscaled:
            scaler = self.find("HorizontalPodAutoscaler", PRIMARY)
            assert scaler is not None, "the primary's autoscaler is gone"
            assert scaler["spec"]["scaleTargetRef"]["name"] == PRIMARY
        assert self.users_at() == [NAME if self.provider == "kubernetes" else PRIMARY]
