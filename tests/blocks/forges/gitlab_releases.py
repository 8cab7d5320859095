"""How a stand-in for GitLab shows releases, as docs.gitlab.com/api describes them.

Sources: /api/deployments (fields of POST, all required but `status`; `environment`, `order_by`, `sort` of GET; `status` of
PUT; an ended one takes no other status), /api/environments (what a name may have), /api/releases (by tag; 404 without one),
/api/tags, /api/projects (`default_branch`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse, Response

Json = dict[str, Any]
STATES = {"created", "running", "success", "failed", "canceled"}
NAME = re.compile(r"[A-Za-z0-9 _/${}-]{1,255}")


@dataclass
class Releases:
    """Of one project."""

    tags: set[str] = field(default_factory=set)
    deployments: list[Json] = field(default_factory=list)
    releases: dict[str, Json] = field(default_factory=dict)

    def act(self, method: str, parts: list[str], body: Json, query: dict[str, str]) -> Response | None:
        """An answer; None where it is about something else."""
        match method, parts:
            case "GET", []:
                return JSONResponse({"id": 1, "default_branch": "main"})
            case "GET", ["repository", "tags", tag]:
                return JSONResponse({"name": tag}) if tag in self.tags else missing("Tag")
            case "GET", ["releases", tag]:
                return JSONResponse(self.releases[tag]) if tag in self.releases else missing()
            case "PUT", ["releases", tag]:
                self.releases[tag] |= body
                return JSONResponse(self.releases[tag])
            case "GET", ["deployments"]:
                assert (query["order_by"], query["sort"]) == ("id", "desc")
                found = [
                    one for one in reversed(self.deployments) if one["environment"]["name"] == query["environment"]
                ]
                return JSONResponse(found[: int(query.get("per_page", 20))])
            case "POST", ["deployments"]:
                return self._deploy(body)
            case "PUT", ["deployments", number]:
                return self._update(self.deployments[int(number) - 1], body["status"])
        return None

    def _deploy(self, body: Json) -> Response:
        absent = [name for name in ("environment", "sha", "ref", "tag", "status") if name not in body]
        if absent or not NAME.fullmatch(body["environment"]) or body["status"] not in STATES:
            return JSONResponse({"message": f"400 Bad request: {absent or body}"}, 400)
        one = {**body, "environment": {"name": body["environment"]}, "id": len(self.deployments) + 1}
        self.deployments.append(one)
        return JSONResponse(one, 201)

    def _update(self, one: Json, status: str) -> Response:
        if one["status"] not in {"created", "running"} or status not in STATES:
            return JSONResponse({"message": f"Cannot transition status from {one['status']}"}, 400)
        one["status"] = status
        return JSONResponse(one)


def missing(what: str = "") -> Response:
    """What GitLab says of what is not there."""
    return JSONResponse({"message": f"404 {what} Not Found"}, 404)
