"""The settings of an installation: the one place that reads the environment.

Every field is set by the environment variable `SLUICE_<FIELD>`, for instance `SLUICE_HOME=/var/lib/sluice`. A secret that is
set and empty is refused; a variable that no field has is named in a warning at start.
"""

from __future__ import annotations

import hashlib
import re
import socket
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from deployments.environment import is_service_link
from deployments.rights.part import ALWAYS, Part
from deployments.told.chat import ChatSettings
from deployments.told.settings import ForgeSettings
from sluice.addresses import is_loopback, reached_at, shown, without_login
from sluice.errors import InvalidError
from sluice.manifests.selector import Selector, selector

NAME_LENGTH = 63
"""Most characters of a worker's name: it is the value of a label of its Lease."""
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
"""The RFC 1123 names that Kubernetes takes."""
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
"""An RFC 1123 label."""
_LOGIN = re.compile(r"[!-9;-~]+:[ -~]+")


def host_name() -> str:
    """This host's name as a worker's: what does not fit is replaced, and what is too long ends in a hash of the whole."""
    host = socket.gethostname()
    parts = [part.strip("-") for part in re.sub(r"[^a-z0-9.]+", "-", host.lower()).split(".")]
    name = ".".join(part for part in parts if part) or "worker"
    if len(name) <= NAME_LENGTH:
        return name
    mark = hashlib.sha256(host.encode()).hexdigest()[:8]
    return f"{name[: NAME_LENGTH - len(mark) - 1].rstrip('-.')}-{mark}"


class Settings(ChatSettings, ForgeSettings):
    """The settings of an installation. Secrets are `SecretStr`: printing the settings does not show them."""

    model_config = SettingsConfigDict(env_prefix="SLUICE_", frozen=True, extra="ignore", use_attribute_docstrings=True)

    home: Path = Path(".sluice")
    """Folder for everything that sluice keeps on this machine: database of the embedded server, logs, locks."""

    prefect_port: int = Field(4200, ge=1, le=65535)
    """Port of the embedded Prefect server (API and UI)."""
    prefect_host: str = "127.0.0.1"
    """Address that the embedded Prefect server listens on. One that others can reach needs `prefect_auth`."""
    prefect_api_url: str | None = None
    """API of a Prefect server that exists (`http://host:4200/api`). Without it `sluice up` starts an embedded one."""
    prefect_auth: SecretStr | None = Field(None, validate_default=True)
    """`user:password`: what the embedded server asks everybody for (API and UI) and each part of sluice shows; or what the
    Prefect server of `prefect_api_url` asks for."""
    database_url: SecretStr | None = None
    """PostgreSQL of the Prefect server that `sluice up` starts (`postgresql+asyncpg://user:password@host/name`). Without it
    the server keeps its own SQLite file, which is for one machine."""
    redis_url: SecretStr | None = None
    """Redis of that server (`redis://host:6379/0`), for its messages between several servers of one database."""

    keep_days: int = Field(30, ge=1, le=3650)
    """Days that the embedded server keeps runs with their logs and artifacts, events, and recordings for `sluice replay`."""

    receiver_host: str = "127.0.0.1"
    """Address that the receiver of webhooks listens on."""
    receiver_port: int = Field(8900, ge=1, le=65535)
    """Port of the receiver of webhooks."""
    receivers: bool = True
    """Whether the receiver serves Flux's Receiver objects (`/hook/…`), for which it needs the cluster."""
    gate_token: SecretStr | None = None
    """Token to open and close gates by the API of Flagger's load tester (`/gate/…`, `/rollback/…`), for which the receiver
    needs the cluster. Without it that API is not served."""
    own_metrics_port: int | None = None
    """Port, at `receiver_host`, on which the watcher serves metrics of sluice's own (`/metrics`); default: none."""
    registry_token: SecretStr | None = None
    """Bearer token that registry notifications must carry. Without it `/registry` takes nothing."""
    github_secret: SecretStr | None = None
    """Secret of the GitHub webhook. Without it `/github` takes nothing."""
    gitlab_token: SecretStr | None = None
    """Secret token of GitLab's webhooks (`/gitlab`). Of this and each of the next: without it that door takes nothing."""
    bitbucket_secret: SecretStr | None = None
    """Secret of Bitbucket's webhooks (`/bitbucket`)."""
    harbor_auth: SecretStr | None = None
    """Auth Header of Harbor's webhook policies (`/harbor`)."""
    dockerhub_token: SecretStr | None = None
    """Last part of the address that Docker Hub is given (`/dockerhub/…`)."""
    quay_token: SecretStr | None = None
    """Last part of the address that Quay is given (`/quay/…`)."""
    google_push: SecretStr | None = None
    """`ACCOUNT AUDIENCE` of the Pub/Sub push subscription (`/google`): no secret, but what is compared."""
    ecr_token: SecretStr | None = None
    """Bearer token of the API destination for Amazon ECR (`/ecr`)."""
    sns_topics: SecretStr | None = None
    """Topics of Amazon SNS (ARNs, with commas between) whose messages are taken (`/sns`)."""
    acr_token: SecretStr | None = None
    """Bearer token among the custom headers of an Azure registry's webhook (`/acr`)."""
    eventgrid_token: SecretStr | None = None
    """Last part of the address that Event Grid is given (`/eventgrid/…`)."""
    artifactory_secret: SecretStr | None = None
    """Secret of JFrog Artifactory's webhooks (`/artifactory`)."""
    nexus_secret: SecretStr | None = None
    """Secret key of Nexus Repository's webhooks (`/nexus`)."""
    generic_secret: SecretStr | None = None
    """Secret that senders of one's own sign with (`/generic`)."""
    cdevents_token: SecretStr | None = None
    """Last part of the address that producers of CDEvents are given (`/cdevents/…`)."""
    kubeconfig: Path | None = None
    """Kubeconfig file; default: `~/.kube/config`, or the service account inside a cluster."""
    context: str | None = None
    """Context of the kubeconfig; default: its current one."""
    service_account: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount")
    """Folder of the pod's service account: token, ca.crt and namespace."""
    namespaces: Annotated[tuple[str, ...], NoDecode] = ()
    """Namespaces to look after, separated by commas; default: all."""
    flux_selector: str = ""
    """Labels of the objects of Flux's kinds that are acted on, such as `sharding.fluxcd.io/key=sluice`; default: all.
    Whatever it says, an object that Flux's own controllers act on is left to them."""
    cluster: str = ""
    """What this cluster is called, such as `prod-eu`: by `clusters` of a Freeze that is applied to several."""
    lease_namespace: str = ""
    """Namespace of the workers' own leases; default: the first of `namespaces`, the pod's own, or `default`."""
    part: Part | None = None
    """Which part of an installation this is (`worker`, `watcher`, `receiver`): `sluice doctor` asks for its rights. Default:
    all."""
    metrics_url: str | None = Field(None, repr=False)
    """Base URL of the Prometheus that analysis asks, where a Canary names none."""

    default_service_account: str = ""
    """Service account that stands in for sluice where a Kustomization or HelmRelease names none (`serviceAccountName`), in
    the object's own namespace (Flux's `--default-service-account`). Without it sluice's own rights are used."""
    no_cross_namespace_refs: bool = False
    """Whether Kustomizations, HelmReleases and ImageUpdateAutomations may refer to sources of their own namespace only,
    ImagePolicies to its ImageRepositories, Alerts and Receivers to its objects (Flux's `--no-cross-namespace-refs`)."""
    remote_bases: bool = True
    """Whether a `kustomization.yaml` may name files and bases of other places, over https (Flux's `--no-remote-bases` is
    `false` here)."""
    strict_substitution: bool = False
    """Whether `postBuild` refuses a variable without value and default (Flux's `StrictPostBuildSubstitutions`)."""

    images_every: float = Field(20.0, ge=0.0, le=3600.0)
    """Most seconds between two small questions about an ImageRepository of a longer interval; 0: its interval alone."""
    git_every: float = Field(20.0, ge=0.0, le=3600.0)
    """The same of a GitRepository over http(s), where one small question says whether its branch or tag moved."""
    work_pool: str = "sluice"
    """Prefect work pool that deployments use and workers poll."""
    worker_name: str = Field(default_factory=host_name)
    """Name of this worker: lower-case letters, digits, `-` and `.`, 63 at most; default: the host's, made to fit. A worker
    that starts resumes the runs that an earlier one of its name left behind."""
    worker_capacity: int = Field(1000, ge=1)
    """Most rollouts that this worker holds at once. Short flows (deliveries, syncs, reconciliation) have room of their
    own, for 64 at once."""

    @field_validator("namespaces", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        parts = value.split(",") if isinstance(value, str) else value
        return (
            tuple(dict.fromkeys(part.strip() for part in parts if part.strip())) if isinstance(parts, list) else parts
        )

    @field_validator("namespaces")
    @classmethod
    def _labels(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if len(name) > NAME_LENGTH or not _LABEL.fullmatch(name):
                raise ValueError(
                    f"{name!r} is no name of a namespace, which has lower-case letters, digits and '-', and "
                    f"{NAME_LENGTH} characters at most: set SLUICE_NAMESPACES, and separate several by commas"
                )
        return value

    @field_validator("flux_selector")
    @classmethod
    def _selects(cls, value: str) -> str:
        try:
            selector(value)
        except InvalidError as error:
            raise ValueError(f"{error}: set SLUICE_FLUX_SELECTOR") from error
        return value

    @field_validator("kubeconfig", "context", "part", "metrics_url", mode="before")
    @classmethod
    def _unset(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("prefect_port", "receiver_port", mode="before")
    @classmethod
    def _no_service(cls, value: object, info: ValidationInfo) -> object:
        # What Kubernetes says of a Service `sluice-prefect` or `sluice-receiver` is nobody's wish.
        return cls.model_fields[str(info.field_name)].default if is_service_link(value) else value

    @field_validator("*")
    @classmethod
    def _no_empty_secret(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, SecretStr) and not value.get_secret_value().strip():
            variable = f"SLUICE_{str(info.field_name).upper()}"
            raise ValueError(f"is set and empty, which would let everybody in or nobody: unset {variable}, or fill it")
        return value

    @field_validator("prefect_auth")
    @classmethod
    def _not_open(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        host = str(info.data.get("prefect_host", ""))
        if value is None and info.data.get("prefect_api_url") is None and host and not is_loopback(host):
            raise ValueError(
                f"is not set, and SLUICE_PREFECT_HOST={host} would let everybody who can reach it start and stop releases: "
                "set SLUICE_PREFECT_AUTH=user:password, or leave SLUICE_PREFECT_HOST at 127.0.0.1"
            )
        if value is not None and not _LOGIN.fullmatch(value.get_secret_value()):
            raise ValueError("is user:password in printable ASCII, with a colon between: set SLUICE_PREFECT_AUTH")
        return value

    @field_validator("worker_name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if len(value) > NAME_LENGTH or not _NAME.fullmatch(value):
            raise ValueError(
                f"a worker name has lower-case letters, digits, '-' and '.', begins and ends with a letter or digit, "
                f"and has {NAME_LENGTH} characters at most; got {value!r}: set SLUICE_WORKER_NAME"
            )
        return value

    @field_validator("default_service_account")
    @classmethod
    def _account(cls, value: str) -> str:
        if value and not _NAME.fullmatch(value):
            raise ValueError(f"{value!r} is no name of a service account: set SLUICE_DEFAULT_SERVICE_ACCOUNT")
        return value

    @field_validator("prefect_api_url")
    @classmethod
    def _api_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError(f"needs http(s)://host:port/api, got {shown(value)!r}: set SLUICE_PREFECT_API_URL")
        if value and without_login(value)[1]:
            raise ValueError(
                f"has a login in it: set SLUICE_PREFECT_API_URL={shown(value)} and SLUICE_PREFECT_AUTH=user:password"
            )
        return value.rstrip("/") if value else None

    @field_validator("metrics_url")
    @classmethod
    def _http(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            seen = shown(value) if "://" in value else shown(f"http://{value}").removeprefix("http://")
            raise ValueError(
                f"needs http:// or https:// before the host, got {seen!r}: set SLUICE_METRICS_URL, for instance "
                "to http://prometheus:9090"
            )
        return value

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts whose rights matter to this process."""
        here = {*ALWAYS, *([Part.RECEIVER] if self.receivers else []), *([Part.CHAT] if self.hears_slack else [])}
        if self.part is Part.RECEIVER:
            return tuple(part for part in (Part.RECEIVER, Part.CHAT) if part in here)
        return (self.part,) if self.part else tuple(part for part in Part if part in here)

    @property
    def flux_selected(self) -> Selector:
        """Which objects of Flux's kinds this installation is given."""
        return selector(self.flux_selector)

    @property
    def leases_in(self) -> str:
        """The namespace of the workers' own leases."""
        return self.lease_namespace or next(iter(self.namespaces), "") or self._pods_namespace() or "default"

    def _pods_namespace(self) -> str:
        """The namespace of the pod that this is; empty outside of a cluster."""
        try:
            return "" if self.kubeconfig or self.context else (self.service_account / "namespace").read_text().strip()
        except OSError:
            return ""

    @property
    def embedded(self) -> bool:
        """Whether sluice brings its own Prefect server."""
        return self.prefect_api_url is None

    @property
    def api_url(self) -> str:
        """Where Prefect's API is, embedded or not; no slash at its end."""
        return self.prefect_api_url or f"http://{reached_at(self.prefect_host)}:{self.prefect_port}/api"

    @property
    def prefect_login(self) -> str | None:
        """What Prefect is shown, `user:password`; None where it asks for nothing."""
        return self.prefect_auth.get_secret_value() if self.prefect_auth else None
