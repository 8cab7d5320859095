"""What senders send, in the shape that each documents; every one names its source.

Where a sender publishes a description or an example, that is what is here, with names and digests of ours.
"""

from __future__ import annotations

import base64
import json
from typing import Any

DIGEST = "sha256:" + "a" * 64
COMMIT = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
NOTHING = "0" * 40

REGISTRY: dict[str, Any] = {  # distribution.github.io/distribution/about/notifications, as 2.8 and 3.0 send it
    "events": [
        {
            "id": "320678d8-ca14-430f-8bb6-4ca139cd83f7",
            "timestamp": "2026-01-02T03:04:05.678Z",
            "action": "push",
            "target": {
                "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                "size": 708,
                "digest": DIGEST,
                "length": 708,
                "repository": "team/shop",
                "url": f"https://registry.example/v2/team/shop/manifests/{DIGEST}",
                "tag": "1.2.0",
            },
            "request": {
                "id": "6df24a34-0959-4923-81ca-14f09767db19",
                "addr": "10.0.0.7:4711",
                "host": "registry.example",
                "method": "PUT",
                "useragent": "docker",
            },
            "actor": {},
            "source": {"addr": "registry:5000", "instanceID": "a53db899-3b4b-4a62-a067-8dd013beaca4"},
        }
    ]
}
HARBOR: dict[
    str, Any
] = {  # goharbor.io/docs/main/working-with-projects/project-configuration/configure-webhooks, Default
    "type": "PUSH_ARTIFACT",
    "occur_at": 1737446601,
    "operator": "admin",
    "event_data": {
        "resources": [{"digest": DIGEST, "tag": "1.2.0", "resource_url": "harbor.example/team/shop:1.2.0"}],
        "repository": {
            "date_created": 1737446600,
            "name": "shop",
            "namespace": "team",
            "repo_full_name": "team/shop",
            "repo_type": "private",
        },
    },
}
HARBOR_CLOUD_EVENT: dict[str, Any] = {  # the same page, format CloudEvents (2.8 and later)
    "specversion": "1.0",
    "id": "66f8a6d3-6ac3-4ab4-9a1c-3f9d1c3f5d0e",
    "source": "/projects/1/webhook/policies/15",
    "type": "harbor.artifact.pushed",
    "datacontenttype": "application/json",
    "time": "2026-01-02T03:04:05Z",
    "data": HARBOR["event_data"],
    "operator": "admin",
}
DOCKER_HUB: dict[str, Any] = {  # docs.docker.com/docker-hub/repos/manage/webhooks
    "callback_url": "https://registry.hub.docker.com/u/team/shop/hook/2141b5bi5i5b02bec211i4eeih0242eg11000a/",
    "push_data": {"pushed_at": 1417566161, "pusher": "trustedbuilder", "tag": "1.2.0", "images": []},
    "repository": {
        "comment_count": 0,
        "date_created": 1417494799,
        "is_official": False,
        "is_private": True,
        "name": "shop",
        "namespace": "team",
        "owner": "team",
        "repo_name": "team/shop",
        "repo_url": "https://registry.hub.docker.com/u/team/shop/",
        "star_count": 0,
        "status": "Active",
    },
}
QUAY: dict[str, Any] = {  # docs.quay.io/guides/notifications.html, Repository Push
    "name": "shop",
    "repository": "team/shop",
    "namespace": "team",
    "docker_url": "quay.io/team/shop",
    "homepage": "https://quay.io/repository/team/shop",
    "updated_tags": ["1.2.0"],
}
ECR: dict[str, Any] = {  # github.com/aws/aws-lambda-go, events/testdata/ecr-image-push-event.json
    "version": "0",
    "id": "13cde686-328b-6117-af20-0e5566167482",
    "detail-type": "ECR Image Action",
    "source": "aws.ecr",
    "account": "123456789012",
    "time": "2019-11-16T01:54:34Z",
    "region": "us-west-2",
    "resources": [],
    "detail": {
        "result": "SUCCESS",
        "repository-name": "team/shop",
        "image-digest": DIGEST,
        "action-type": "PUSH",
        "image-tag": "1.2.0",
    },
}
ACR: dict[str, Any] = {  # learn.microsoft.com/azure/container-registry/container-registry-webhook-reference, push
    "id": "cb8c3971-9adc-488b-xxxx-43cbb4974ff5",
    "timestamp": "2017-11-17T16:52:01.343145347Z",
    "action": "push",
    "target": {
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "size": 524,
        "digest": DIGEST,
        "length": 524,
        "repository": "team/shop",
        "tag": "1.2.0",
    },
    "request": {
        "id": "3cbb6949-7549-4fa1-xxxx-a6d5451dffc7",
        "host": "acme.azurecr.io",
        "method": "PUT",
        "useragent": "docker/17.09.0-ce",
    },
}
EVENT_GRID: list[
    dict[str, Any]
] = [  # learn.microsoft.com/azure/event-grid/event-schema-container-registry, ImagePushed
    {
        "id": "831e1650-001e-001b-66ab-eeb76e069631",
        "topic": "/subscriptions/s/resourceGroups/r/providers/Microsoft.ContainerRegistry/registries/acme",
        "subject": "team/shop:1.2.0",
        "eventType": "Microsoft.ContainerRegistry.ImagePushed",
        "eventTime": "2018-04-25T21:39:47.6549614Z",
        "data": {
            "id": "31c51664-e5bd-416a-a5df-e5206bc47ed0",
            "timestamp": "2018-04-25T21:39:47.276585742Z",
            "action": "push",
            "location": "westus",
            "target": ACR["target"],
            "request": ACR["request"],
        },
        "dataVersion": "1.0",
        "metadataVersion": "1",
    }
]
HANDSHAKE: list[
    dict[str, Any]
] = [  # learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema
    {
        "id": "2d1781af-3a4c-4d7c-bd0c-e34b19da4e66",
        "topic": "/subscriptions/s",
        "subject": "",
        "data": {
            "validationCode": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6",
            "validationUrl": "https://rp-eastus2.eventgrid.azure.net:553/eventsubscriptions/estest/validate?id=1",
        },
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "eventTime": "2018-01-25T22:12:19.4556811Z",
        "metadataVersion": "1",
        "dataVersion": "1",
    }
]
ARTIFACTORY: dict[str, Any] = {  # docs.jfrog.com/administration/docs/event-types, Domain: Docker, Event: pushed
    "domain": "docker",
    "event_type": "pushed",
    "data": {
        "repo_key": "docker-local",
        "event_type": "pushed",
        "path": "team/shop/1.2.0/manifest.json",
        "name": "manifest.json",
        "sha256": "a" * 64,
        "size": 708,
        "image_name": "team/shop",
        "tag": "1.2.0",
        "platforms": [],
    },
    "subscription_key": "sluice",
    "jpd_origin": "https://acme.jfrog.io",
    "source": "jfrog/user",
}
NEXUS: dict[str, Any] = {  # help.sonatype.com/en/example-headers-and-payloads.html, Repository Component Payload
    "timestamp": "2016-11-10T23:57:49.664+0000",
    "nodeId": "52905B51-085CCABB-CEBBEAAD-16795588-FC927D93",
    "initiator": "admin/127.0.0.1",
    "repositoryName": "docker-hosted",
    "action": "CREATED",
    "component": {
        "id": "08909bf0c86cf6c9600aade89e1c5e25",
        "componentId": "bWF2ZW4tcmVsZWFzZXM6MDg5MDliZjBjODZjZjZjOTYwMGFhZGU4OWUxYzVlMjU",
        "format": "docker",
        "name": "team/shop",
        "group": None,
        "version": "1.2.0",
    },
}
GOOGLE_EVENT: dict[
    str, Any
] = {  # cloud.google.com/artifact-registry/docs/configure-notifications, Notification examples
    "action": "INSERT",
    "digest": f"us-east1-docker.pkg.dev/project/team/shop@{DIGEST}",
    "tag": "us-east1-docker.pkg.dev/project/team/shop:1.2.0",
}


def google(event: dict[str, Any], message: str = "2070443601311540") -> dict[str, Any]:
    """What Pub/Sub pushes: cloud.google.com/pubsub/docs/push, Receive push messages."""
    return {
        "message": {
            "attributes": {},
            "data": base64.b64encode(json.dumps(event).encode()).decode(),
            "messageId": message,
            "message_id": message,
            "publishTime": "2021-02-26T19:13:55.749Z",
            "publish_time": "2021-02-26T19:13:55.749Z",
        },
        "subscription": "projects/project/subscriptions/sluice",
    }


GITLAB: dict[str, Any] = {  # docs.gitlab.com/user/project/integrations/webhook_events, Push events
    "object_kind": "push",
    "event_name": "push",
    "before": "95790bf891e76fee5e1747ab589903a6a1f80f22",
    "after": COMMIT,
    "ref": "refs/heads/main",
    "checkout_sha": COMMIT,
    "project_id": 15,
    "project": {
        "id": 15,
        "name": "Shop",
        "web_url": "https://gitlab.example/team/shop",
        "git_ssh_url": "git@gitlab.example:team/shop.git",
        "git_http_url": "https://gitlab.example/team/shop.git",
        "path_with_namespace": "team/shop",
        "default_branch": "main",
    },
    "commits": [],
    "total_commits_count": 0,
}
GITLAB_RELEASE: dict[str, Any] = {  # the same page, Release events
    "id": 1,
    "created_at": "2020-11-02 12:55:12 UTC",
    "name": "v1.1",
    "released_at": "2020-11-02 12:55:12 UTC",
    "tag": "v1.1",
    "object_kind": "release",
    "project": GITLAB["project"],
    "url": "https://gitlab.example/team/shop/-/releases/v1.1",
    "action": "create",
    "commit": {"id": COMMIT},
}
BITBUCKET: dict[str, Any] = {  # support.atlassian.com/bitbucket-cloud/docs/event-payloads, Push
    "actor": {},
    "repository": {
        "type": "repository",
        "full_name": "team/shop",
        "name": "shop",
        "links": {
            "self": {"href": "https://api.bitbucket.org/2.0/repositories/team/shop"},
            "html": {"href": "https://bitbucket.org/team/shop"},
        },
    },
    "push": {
        "changes": [
            {
                "new": {"type": "branch", "name": "main", "target": {"type": "commit", "hash": COMMIT}},
                "old": {"type": "branch", "name": "main", "target": {"type": "commit", "hash": NOTHING}},
                "created": False,
                "forced": False,
                "closed": False,
                "truncated": False,
            }
        ]
    },
}
BITBUCKET_SERVER: dict[str, Any] = {  # confluence.atlassian.com/bitbucketserver/event-payload, Push
    "eventKey": "repo:refs_changed",
    "date": "2017-09-13T10:39:36+1000",
    "actor": {"name": "admin"},
    "repository": {
        "slug": "shop",
        "project": {"key": "TEAM"},
        "links": {
            "clone": [
                {"href": "ssh://git@bitbucket.example:7999/team/shop.git", "name": "ssh"},
                {"href": "https://bitbucket.example/scm/team/shop.git", "name": "http"},
            ],
            "self": [{"href": "https://bitbucket.example/projects/TEAM/repos/shop/browse"}],
        },
    },
    "changes": [
        {
            "ref": {"id": "refs/heads/main", "displayId": "main", "type": "BRANCH"},
            "refId": "refs/heads/main",
            "fromHash": NOTHING,
            "toHash": COMMIT,
            "type": "UPDATE",
        }
    ],
}
CDEVENT: dict[str, Any] = {  # github.com/cdevents/spec, conformance/artifact_published.json of v0.4
    "context": {
        "version": "0.4.1",
        "id": "271069a8-fc18-44f1-b38f-9d70a1695819",
        "source": "/event/source/123",
        "type": "dev.cdevents.artifact.published.0.2.0",
        "timestamp": "2023-03-20T14:27:05.315384Z",
    },
    "subject": {
        "id": f"pkg:oci/shop@sha256%3A{'a' * 64}?repository_url=registry.example/team/shop&tag=1.2.0",
        "source": "/event/source/123",
        "type": "artifact",
        "content": {},
    },
}
