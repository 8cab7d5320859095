"""The senders that sluice understands, by name. A new one is a file and a row."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.events.senders.base import Sender
from sluice.events.senders.forges.bitbucket import Bitbucket
from sluice.events.senders.forges.github import GitHub
from sluice.events.senders.forges.gitlab import GitLab
from sluice.events.senders.own.cdevents import CDEvents
from sluice.events.senders.own.generic import Generic
from sluice.events.senders.registries.acr import AzureRegistry, EventGrid
from sluice.events.senders.registries.artifactory import Artifactory
from sluice.events.senders.registries.distribution import Distribution
from sluice.events.senders.registries.docker_hub import DockerHub
from sluice.events.senders.registries.ecr import EventBridge, Sns
from sluice.events.senders.registries.google import GoogleRegistry
from sluice.events.senders.registries.harbor import Harbor
from sluice.events.senders.registries.nexus import Nexus
from sluice.events.senders.registries.quay import Quay

SENDERS: Mapping[str, Sender] = {
    "registry": Distribution(),
    "harbor": Harbor(),
    "dockerhub": DockerHub(),
    "quay": Quay(),
    "google": GoogleRegistry(),
    "ecr": EventBridge(),
    "sns": Sns(),
    "acr": AzureRegistry(),
    "eventgrid": EventGrid(),
    "artifactory": Artifactory(),
    "nexus": Nexus(),
    "github": GitHub(),
    "gitlab": GitLab(),
    "bitbucket": Bitbucket(),
    "generic": Generic(),
    "cdevents": CDEvents(),
}
