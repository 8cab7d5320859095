"""sluice's own `FlagAudit` (`sluice.dev/v1alpha1`): which flags are looked for in which repositories, and what follows.

The status is the audit's memory: since when a flag has been in its state where the service does not say so, which pull
requests are open, and what was removed but is not deployed everywhere yet.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from sluice.manifests.conditions import Condition
from sluice.manifests.meta import ForeignModel, Manifest
from sluice.manifests.own.flag_service import FlagServiceReference
from sluice.manifests.references import LocalReference, SourceKey, SourceReference

DAYS = 30
"""Days for which a flag has to be in one state to count as done, where nobody says."""
KeyPattern = Annotated[str, Field(min_length=1, max_length=200)]


class OwnCall(ForeignModel):
    """A function of the users' own by which their code asks for a flag."""

    name: str = Field(min_length=1)
    """Its last parts, as code writes them: `is_on`, `features.variant`."""
    languages: tuple[str, ...] = ()
    """`python`, `go`, `typescript`, `java`; empty for all."""
    kind: Literal["boolean", "variant"] = "boolean"
    key: Annotated[int, Field(ge=0, le=20)] = 0
    """Position of the argument that is the flag's key, from 0."""
    key_name: str = ""
    """Its name, where it is given by name."""
    default: Annotated[int, Field(ge=0, le=20)] | None = None
    """Position of the argument that is answered where the service does not answer."""
    default_name: str = ""
    result: str = ""
    """The member of the answer that has the value, such as `enabled`; empty where the answer is the value."""
    asynchronous: bool = False
    negated: bool = False
    """Whether it answers true where the flag is off."""


class DeployedBy(ForeignModel):
    """An object of a cluster that shows which commit of a repository is deployed."""

    kind: Literal["Kustomization", "GitRepository", "Deployment", "DaemonSet", "StatefulSet", "Canary"]
    """By `lastAppliedRevision`, by the artifact's revision, or by the label `org.opencontainers.image.revision` of the
    images that its pods run; of a Canary: those of its target and of its primary."""
    name: str
    namespace: str = ""
    """Empty for the FlagAudit's own."""


class AuditedRepository(ForeignModel):
    """One repository that flags are looked for in."""

    source_ref: SourceReference | None = None
    """A GitRepository: its address, branch and login."""
    url: str = Field(default="", pattern=r"^((https?|ssh|file)://.*)?$")
    """Its address, in the place of `sourceRef`."""
    branch: str = ""
    """Empty for the GitRepository's own, else `main`."""
    secret_ref: LocalReference | None = None
    """With `url`: a Secret as a GitRepository's. It has to be allowed to push where pull requests are opened."""
    forge_secret_ref: LocalReference | None = None
    """A Secret with the forge's `token`, and its `type` and `address` where they are not known by the host."""
    exclude: tuple[str, ...] = ()
    """What is not looked at, in the format of `.gitignore`, besides vendored, generated and binary files."""
    deployed_by: tuple[DeployedBy, ...] = ()
    """All that runs its code. Without any, nobody can say that a removal is deployed, and no flag is archived."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.url) == bool(self.source_ref):
            raise ValueError("name either `sourceRef`, a GitRepository, or `url`")
        if self.source_ref and self.secret_ref:
            raise ValueError("`secretRef` goes with `url`; a GitRepository has its own")
        return self

    def key(self, namespace: str) -> SourceKey | None:
        """The GitRepository that it refers to; None where it has an address of its own."""
        return self.source_ref.key(namespace) if self.source_ref else None


class FlagAuditSpec(ForeignModel):
    """What a FlagAudit asks for."""

    service: FlagServiceReference
    repositories: tuple[AuditedRepository, ...] = Field(min_length=1, max_length=200)
    days: Annotated[int, Field(ge=0, le=3650)] = DAYS
    """For how many days a flag has to give everybody the same to count as done."""
    keep: tuple[KeyPattern, ...] = ()
    """Keys of flags that stay, with `*` for any text: kill switches, limits, whatever is meant to be turned again. A flag
    with the tag `permanent` stays as well."""
    calls: tuple[OwnCall, ...] = Field(default=(), max_length=100)
    open_pull_requests: bool = False
    """Whether the removal of flags that are done is proposed in each repository."""
    most_open: Annotated[int, Field(ge=1, le=500)] = 10
    """Most pull requests of this audit that are open at once: nobody reviews a hundred."""
    archive: bool = False
    """Whether a flag is archived in the service once its removal is merged and deployed by all of `deployedBy`."""
    code_scanning: bool = False
    """Whether the findings are shown in each repository's code scanning. GitHub alone has such a list."""
    suspend: bool = False


class SeenState(ForeignModel):
    """What a flag was in one environment, and since when."""

    serves: str
    """Who got what, in words: `true for everybody`."""
    since: str = ""
    """RFC 3339."""
    by: Literal["service", "audit"] = "audit"
    """Who says so: the service, or this record, which can only say when it was first seen so."""


class SeenFlag(ForeignModel):
    """What the last audit found of one flag."""

    key: str
    finding: str = ""
    value: str = ""
    """What everybody gets, where it is done."""
    since: str = ""
    """When that began."""
    said_by: Literal["service", "audit", ""] = ""
    near: str = ""
    """The flag that was probably meant, where the code's key is mistyped."""
    owners: tuple[str, ...] = ()
    places: int = 0
    """In how many places of the code it is asked for."""
    environments: dict[str, SeenState] = Field(default_factory=dict)


class ProposedRemoval(ForeignModel):
    """A removal in one repository, from its pull request to its deployment."""

    flag: str
    value: str
    repository: str = ""
    """As the audit calls it."""
    url: str
    branch: str
    into: str
    state: Literal["open", "declined", "kept", "removed"] = "open"
    """`kept`: a person's commit is on the branch, which sluice leaves as it is. `removed`: no code asks for it any more."""
    number: int = 0
    address: str = ""
    commit: str = ""
    """Of `removed`: the first commit that was seen without the flag."""


class FlagAuditStatus(ForeignModel):
    """What the last audit found."""

    observed_generation: int = 0
    last_audit: str = ""
    """RFC 3339."""
    conditions: tuple[Condition, ...] = ()
    flags: tuple[SeenFlag, ...] = ()
    removals: tuple[ProposedRemoval, ...] = ()
    archived: tuple[str, ...] = ()
    """Flags that were archived after their removal was deployed, the last hundred."""


class FlagAudit(Manifest):
    """A clean-up audit of flags over many repositories."""

    api_version: ClassVar[str] = "sluice.dev/v1alpha1"
    kind: ClassVar[str] = "FlagAudit"
    plural: ClassVar[str] = "flagaudits"
    spec: FlagAuditSpec
    status: FlagAuditStatus = FlagAuditStatus()
