"""What happened to an object, as Flux's controllers write it to those who listen.

Form: `github.com/fluxcd/pkg/apis/event/v1beta1`, the body of Flux's generic providers.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict

Object = dict[str, Any]
CONTROLLER = "sluice"


class Happened(BaseModel):
    """One event.

    Attributes:
        kind, namespace, name, api_version, uid: of the object.
        severity: `info` or `error`.
        moment: when, RFC 3339.
        reason: in one word.
        message: what happened.
    """

    model_config = ConfigDict(frozen=True)
    kind: str
    namespace: str
    name: str
    api_version: str = ""
    uid: str = ""
    severity: str = "info"
    moment: str = ""
    reason: str = ""
    message: str = ""

    @classmethod
    def of(cls, event: Object) -> Self:
        """What a Kubernetes Event reports."""
        about = event["involvedObject"]
        return cls(
            kind=str(about.get("kind", "")),
            namespace=str(about.get("namespace", "")),
            name=str(about.get("name", "")),
            api_version=str(about.get("apiVersion", "")),
            uid=str(about.get("uid", "")),
            severity="error" if event.get("type") == "Warning" else "info",
            moment=str(event.get("lastTimestamp") or event["metadata"].get("creationTimestamp") or ""),
            reason=str(event.get("reason", "")),
            message=str(event.get("message", "")),
        )

    @property
    def title(self) -> str:
        """The object, as people write it."""
        return f"{self.kind.lower()}/{self.name}.{self.namespace}"

    def body(self, metadata: dict[str, str]) -> Object:
        """The event as Flux's generic providers post it."""
        return {
            "involvedObject": {
                "kind": self.kind,
                "namespace": self.namespace,
                "name": self.name,
                "uid": self.uid,
                "apiVersion": self.api_version,
            },
            "severity": self.severity,
            "timestamp": self.moment,
            "message": self.message,
            "reason": self.reason,
            "metadata": metadata,
            "reportingController": CONTROLLER,
            "reportingInstance": CONTROLLER,
        }
