"""RIGHTS: everything that sluice asks of the API server, row by row with its reason.

A row that is missing here is a right that nobody gives: the tests run whole rollouts on a cluster that refuses all else.
To add one: a row here, then `python -m deployments.rights` writes the manifests and the page of it.
"""

from __future__ import annotations

from blocks.kubernetes import kinds
from blocks.kubernetes.cluster import Kind
from blocks.kubernetes.kinds import (
    ALERT,
    AUDIT_RECORD,
    AUTOSCALER_KINDS,
    BUCKET,
    CANARY,
    CONFIG_MAP,
    CRON_JOB,
    ENDPOINT_SLICE,
    EVENT,
    FLAG_AUDIT,
    FLAG_ROLLOUT,
    FREEZE,
    GATE,
    GIT_REPOSITORY,
    HELM_CHART,
    HELM_RELEASE,
    HELM_REPOSITORY,
    HTTP_ROUTE,
    IMAGE_POLICY,
    IMAGE_REPOSITORY,
    IMAGE_UPDATE_AUTOMATION,
    JOB,
    KUSTOMIZATION,
    LEASE,
    METRIC_TEMPLATE,
    NAMESPACE,
    OCI_REPOSITORY,
    POD,
    PROVIDER,
    RECEIVER,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    TRAIN,
    WORKLOAD_KINDS,
)
from deployments.rights.part import Part
from deployments.rights.right import Right, Where
from sluice.events.receivers.asked import ASKED
from sluice.rollout.autoscalers import AUTOSCALERS
from sluice.rollout.tending.past import PAST

BOTH = (Part.WORKER, Part.WATCHER)
FOLLOW = ("list", "watch")

_ROLLOUTS = (
    Right(CANARY, FOLLOW, "which Canaries there are, and when one changes", BOTH),
    Right(CANARY, ("get",), "whether a Canary is still there, and its state after a conflict"),
    Right(CANARY, ("patch",), "the journal of a rollout: no release begins without it", subresource="status"),
    Right(CANARY, ("patch",), "the finalizer that `spec.revertOnDeletion` asks for"),
    Right(
        CANARY,
        ("update",),
        "objects that a Canary owns, where OwnerReferencesPermissionEnforcement is on (OpenShift)",
        subresource="finalizers",
    ),
    *(
        right
        for kind in WORKLOAD_KINDS.values()
        for right in (
            Right(kind, FOLLOW, f"changes of a target {kind.kind} begin releases, and when its pods are ready", BOTH),
            Right(kind, ("get",), f"the state of a {kind.kind} after a conflict"),
            Right(kind, ("create",), f"the primary of a target {kind.kind}, and its baseline"),
            Right(kind, ("patch",), f"a {kind.kind} is scaled, frozen and promoted"),
            Right(kind, ("update",), f"the baseline of a target {kind.kind} follows its primary"),
        )
    ),
    *(
        Right(
            Kind(past.api_version, past.kind, past.plural),
            ("list",),
            f"the template that a {of} had: a primary that is gone is made again of what was promoted",
        )
        for of, past in PAST.items()
    ),
    Right(SERVICE, FOLLOW, "which Services of a Canary are there"),
    Right(SERVICE, ("get",), "the state of a Service after a conflict"),
    Right(
        SERVICE,
        ("create", "patch"),
        "the Services of canary and primary, and the switch of users with provider kubernetes",
    ),
    Right(HTTP_ROUTE, FOLLOW, "the real weights of a route, and whether its Gateway accepted them"),
    Right(HTTP_ROUTE, ("get",), "the state of a route after a conflict"),
    Right(HTTP_ROUTE, ("create", "patch"), "the route of a Canary and its weights, with provider gatewayapi"),
    Right(ENDPOINT_SLICE, FOLLOW, "which pods a Service offers: nothing is taken from users before that is known"),
    Right(POD, ("list",), "which pods are ready, and why one is not"),
    Right(EVENT, ("list",), "why a pod does not become ready, in the kubelet's words"),
    Right(EVENT, ("watch", "patch"), "Events of sluice's own that alerts choose: each is marked before it is sent"),
    Right(ALERT, FOLLOW, "who gets to know what of Flux's objects"),
    Right(PROVIDER, ("get",), "where an alert goes"),
    Right(
        EVENT,
        ("create",),
        "what was put right, applied or refused, in `kubectl describe` of a Canary or a Kustomization",
    ),
    Right(METRIC_TEMPLATE, ("get",), "metrics that a Canary names by templateRef"),
    *(
        Right(
            kind,
            ("get", "create", "patch"),
            f"the primary's {name}, where spec.autoscalerRef names one"
            + (", and the target's rests with it" if AUTOSCALERS[name].rests else ""),
        )
        for name, kind in AUTOSCALER_KINDS.items()
    ),
    Right(LEASE, (*FOLLOW, "get", "create", "update"), "one rollout at a time for each Canary"),
    Right(FLAG_ROLLOUT, FOLLOW, "which flags are raised, and when that changes", BOTH),
    Right(FLAG_ROLLOUT, ("get",), "the journal of a flag that is raised, before each step of it"),
    Right(
        FLAG_ROLLOUT,
        ("patch",),
        "the journal of a flag that is raised: none is turned without it",
        subresource="status",
    ),
    Right(GATE, FOLLOW, "which Gates releases wait for: without it nothing goes forward"),
    Right(FREEZE, FOLLOW, "whether releases are frozen: without it nothing goes forward"),
    Right(FREEZE, FOLLOW, "what the platform team has frozen", where=Where.OWN),
    Right(FREEZE, ("patch",), "the last good copy of a calendar that a Freeze follows", subresource="status"),
    Right(FREEZE, ("patch",), "the same of the platform team's", where=Where.OWN, subresource="status"),
    Right(GATE, FOLLOW, "which Gates of the platform team releases wait for", where=Where.OWN),
    Right(AUDIT_RECORD, FOLLOW, "what people ask of a release: approvals, pause, abort", BOTH),
    Right(AUDIT_RECORD, ("create",), "what sluice did to a release, in the audit trail: begun, let through, promoted"),
    Right(TRAIN, FOLLOW, "which services are released together: they wait for their train", BOTH),
    Right(TRAIN, ("get",), "the journal of a train, before each step of it"),
    Right(TRAIN, ("patch",), "the journal of a train: its services go on by it alone", subresource="status"),
    Right(TRAIN, ("patch",), "the finalizer of a train under way, so that its services come home before it is gone"),
)
_DELIVERY = (
    *(
        right
        for kind in (GIT_REPOSITORY, OCI_REPOSITORY, BUCKET)
        for right in (
            Right(kind, FOLLOW, "which sources there are, and when one changes", BOTH),
            Right(kind, ("get",), "the source of a sync"),
            Right(kind, ("patch",), "what was fetched, in its Ready condition", subresource="status"),
        )
    ),
    Right(KUSTOMIZATION, FOLLOW, "what is applied from which source, and when that changes", BOTH),
    Right(KUSTOMIZATION, ("get",), "the state of a Kustomization before it is applied"),
    Right(KUSTOMIZATION, ("patch",), "the finalizer that keeps it until what it applied is cleaned up"),
    Right(KUSTOMIZATION, ("patch",), "what was applied, and the inventory that prune works from", subresource="status"),
    Right(HELM_RELEASE, FOLLOW, "which charts are released, and when that changes", BOTH),
    Right(HELM_RELEASE, ("get",), "the state of a HelmRelease before helm acts"),
    Right(HELM_RELEASE, ("patch",), "the finalizer by which a release does not outlive its HelmRelease unseen"),
    Right(HELM_RELEASE, ("patch",), "the journal of a release: helm does nothing without it", subresource="status"),
    Right(HELM_CHART, FOLLOW, "which chart a HelmRelease is made of, and when that changes", BOTH),
    Right(HELM_CHART, ("get",), "the chart that a HelmRelease refers to"),
    Right(HELM_CHART, ("patch",), "which version was found, in its Ready condition", subresource="status"),
    Right(HELM_REPOSITORY, FOLLOW, "where the chart of a HelmRelease is, and when that changes", BOTH),
    Right(HELM_REPOSITORY, ("get",), "where the chart of a HelmRelease is, and whether it has new ones"),
    Right(HELM_REPOSITORY, ("patch",), "which index was fetched, in its Ready condition", subresource="status"),
    Right(IMAGE_REPOSITORY, FOLLOW, "which pushes matter to somebody, and which registries are looked at"),
    Right(IMAGE_REPOSITORY, ("patch",), "when it was last looked at", subresource="status"),
    Right(IMAGE_POLICY, FOLLOW, "which tag is wanted"),
    Right(NAMESPACE, ("get",), "the labels of a policy's namespace, where an ImageRepository's `spec.accessFrom` asks"),
    Right(
        SERVICE_ACCOUNT,
        ("get",),
        "the pull secrets of an ImageRepository's or OCIRepository's `spec.serviceAccountName`",
    ),
    Right(IMAGE_POLICY, ("patch",), "which tag was chosen", subresource="status"),
    Right(IMAGE_POLICY, ("patch",), "versions that were rolled back, so that none of them is chosen again"),
    Right(IMAGE_UPDATE_AUTOMATION, ("list", "get"), "where a chosen tag is written"),
    Right(IMAGE_UPDATE_AUTOMATION, ("patch",), "what was pushed to git", subresource="status"),
    Right(IMAGE_UPDATE_AUTOMATION, ("patch",), "where pull requests are open, so that obsolete ones are closed"),
    Right(
        CONFIG_MAP,
        ("get",),
        "variables of a Kustomization, values of a HelmRelease, and `kubeConfig.configMapRef`",
    ),
    Right(
        SECRET,
        ("get",),
        "what a secretRef names: a login for git, a registry or a calendar, the address of an alert, a flag service's token",
        where=Where.NAMED,
    ),
)
_FLAGS = (
    Right(FLAG_AUDIT, ("list",), "which flag audits there are, and the metrics of what they found", BOTH),
    Right(FLAG_AUDIT, ("get",), "what a flag audit looks at, and what it remembers"),
    Right(STATEFUL_SET, ("get",), "which images a StatefulSet runs that a flag audit names in `deployedBy`"),
    Right(FLAG_AUDIT, ("patch",), "what a flag audit found, and where its pull requests are", subresource="status"),
)
_ASKED = [kind for kind in vars(kinds).values() if isinstance(kind, Kind) and kind.kind in ASKED]
_RECEIVERS = (
    Right(RECEIVER, FOLLOW, "which Receivers there are, and when one changes", (Part.RECEIVER,)),
    Right(RECEIVER, ("patch",), "the address of a Receiver, in its status", (Part.RECEIVER,), subresource="status"),
    *(
        Right(
            kind,
            ("get", "list", "patch"),
            f"a {kind.kind} that a Receiver names is asked to be reconciled",
            (Part.RECEIVER,),
        )
        for kind in _ASKED
    ),
    Right(SECRET, ("get",), "the token of a sender that a Receiver's secretRef names", (Part.RECEIVER,), Where.NAMED),
)
_CHAT = (
    Right(CANARY, ("get", "list"), "which release a button or a command in Slack is about", (Part.CHAT,)),
    Right(GATE, ("get",), "who may answer a Gate in Slack", (Part.CHAT,)),
    Right(GATE, ("get",), "who may answer a Gate of the platform team in Slack", (Part.CHAT,), Where.OWN),
    Right(FREEZE, ("list", "create", "delete"), "what people freeze and thaw in Slack", (Part.CHAT,)),
    Right(FREEZE, ("list", "create", "delete"), "everything, frozen and thawed in Slack", (Part.CHAT,), Where.OWN),
    Right(AUDIT_RECORD, ("create",), "what people ask for in Slack, and what of it is refused", (Part.CHAT,)),
    Right(AUDIT_RECORD, ("create",), "requests to the doors for Slack that Slack never sent", (Part.CHAT,), Where.OWN),
)
_ITSELF = (
    Right(
        LEASE,
        ("create", "update", "get", "list", "watch", "delete"),
        "signs of life of workers, and whose turn it is: without them a worker takes no run, and the dead are not known",
        where=Where.OWN,
    ),
)
RIGHTS: tuple[Right, ...] = (*_ROLLOUTS, *_DELIVERY, *_FLAGS, *_RECEIVERS, *_CHAT, *_ITSELF)
"""What a part needs whatever is installed."""
TENANTS: tuple[Right, ...] = (
    Right(
        SERVICE_ACCOUNT,
        ("impersonate",),
        "`serviceAccountName` of a Kustomization or HelmRelease, and SLUICE_DEFAULT_SERVICE_ACCOUNT",
        where=Where.TENANTS,
    ),
    Right(
        SERVICE_ACCOUNT,
        ("create",),
        "a token for a cluster that trusts this one's, with `kubeConfig.configMapRef`",
        where=Where.TENANTS,
        subresource="token",
    ),
)
"""What a worker needs to stand in for tenants: given by a component of its own, and never asked for by the doctor."""
JOB_SUITES: tuple[Right, ...] = (
    Right(
        JOB,
        ("get", "create", "delete"),
        "a Gate's suite that is a Job: made, looked at, and stopped when its time is over",
        where=Where.JOB_SUITES,
    ),
    Right(CRON_JOB, ("get",), "the template of a suite that names a CronJob", where=Where.JOB_SUITES),
    Right(POD, ("list",), "why a Job of a suite failed: its tests, or its node", where=Where.JOB_SUITES),
)
"""What a worker needs to run suites as Jobs: who may write a Gate there may run what he likes, so it is given by name."""


def rights_of(parts: tuple[Part, ...], where: Where) -> list[Right]:
    """The rights that any of these parts needs there."""
    return [right for right in RIGHTS if right.where is where and set(parts) & set(right.parts)]
