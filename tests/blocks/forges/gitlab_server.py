"""A stand-in for a GitLab: statuses of commits and merge requests, as docs.gitlab.com/api describes them.

Sources: /api/merge_requests (fields, states `opened`, `closed`, `locked`, `merged`, `state_event`, 409 for a second open one
from a branch), /api/notes, /api/commits (statuses; a status that the commit has already is refused), /api/rest (a project's
path with `%2F` for each slash; 401 without a good token; 429 with `Retry-After` and `RateLimit-Reset`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from tests.blocks.forges.gitlab_releases import Releases

Json = dict[str, Any]
EDITABLE = {"title", "description", "state_event", "target_branch", "labels", "remove_source_branch"}
EVENTS = {"close": ("opened", "closed"), "reopen": ("closed", "opened")}


@dataclass
class GitLabServer:
    """Projects by their paths.

    Attributes:
        filters: whether lists know the filters by branch; some versions do not.
        limited: what 429 says in its headers; None to answer.
        before: called before each call that writes.
    """

    token: str
    projects: set[str] = field(default_factory=lambda: {"team/shop"})
    requests: list[Json] = field(default_factory=list)
    statuses: list[Json] = field(default_factory=list)
    notes: list[Json] = field(default_factory=list)
    calls: list[Json] = field(default_factory=list)
    asked: int = 0
    users: dict[str, int] = field(default_factory=lambda: {"ann": 7, "bob": 8})
    groups: dict[str, list[Json]] = field(default_factory=dict)
    releases: Releases = field(default_factory=Releases)
    filters: bool = True
    limited: dict[str, str] | None = None
    before: Callable[[], None] = lambda: None

    @property
    def app(self) -> Starlette:
        """To be served."""
        return Starlette(routes=[Mount("/api/v4", routes=[Route("/{rest:path}", self.answer, methods=METHODS)])])

    async def answer(self, request: Request) -> Response:
        """One call, by its raw path: in it a slash of a project's path is `%2F`."""
        self.asked += 1
        if self.limited is not None:
            return JSONResponse({"message": "429 Too Many Requests"}, 429, self.limited)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return JSONResponse({"message": "401 Unauthorized"}, 401)
        raw = request.scope["raw_path"].decode().partition("?")[0].removeprefix("/api/v4/")
        parts = [unquote(part) for part in raw.split("/")]
        if parts == ["users"]:
            wanted = request.query_params.get("username")
            return JSONResponse([{"id": at, "username": name} for name, at in self.users.items() if name == wanted])
        if parts[0] == "groups" and parts[1] in self.groups and parts[2:] == ["members"]:
            return JSONResponse(self.groups[parts[1]])
        if parts[0] != "projects" or parts[1] not in self.projects:
            return JSONResponse({"message": "404 Project Not Found"}, 404)
        body = await request.json() if request.method in {"POST", "PUT"} else {}
        if request.method != "GET":
            self.before()
            self.calls.append({"method": request.method, "path": raw, "body": body})
        return self._act(request.method, parts[2:], body, dict(request.query_params))

    def _act(self, method: str, parts: list[str], body: Json, query: dict[str, str]) -> Response:
        match method, parts:
            case "POST", ["statuses", sha]:
                return self._status(sha, body)
            case "GET", ["merge_requests"]:
                return JSONResponse([one for one in reversed(self.requests) if self._is_asked(one, query)])
            case "POST", ["merge_requests"]:
                return self._create(body)
            case "PUT", ["merge_requests", iid]:
                return self._update(self.requests[int(iid) - 1], body)
            case "PUT", ["merge_requests", iid, "merge"]:
                self.requests[int(iid) - 1]["state"] = "merged"
                return JSONResponse(self.requests[int(iid) - 1])
            case "POST", ["merge_requests", iid, "notes"]:
                self.notes.append({"iid": int(iid), **body})
                return JSONResponse({"id": len(self.notes), **body}, 201)
        return self.releases.act(method, parts, body, query) or JSONResponse({"error": "404 Not Found"}, 404)

    def _status(self, sha: str, body: Json) -> Response:
        state = body["state"]
        if state not in {"pending", "running", "success", "failed", "canceled", "skipped"}:
            return JSONResponse({"error": "state does not have a valid value"}, 400)
        if len(body.get("description", "")) > 255:
            return JSONResponse({"message": {"description": ["is too long (maximum is 255 characters)"]}}, 400)
        known = [one for one in self.statuses if (one["sha"], one["name"]) == (sha, body["name"])]
        if known and known[-1]["status"] == state:
            return JSONResponse({"message": f"Cannot transition status via :{state} from :{state}"}, 400)
        self.statuses = [one for one in self.statuses if one not in known]
        self.statuses.append(
            {"sha": sha, "status": state, "name": body["name"], "description": body.get("description")}
        )
        return JSONResponse(self.statuses[-1], 201)

    def _is_asked(self, one: Json, query: dict[str, str]) -> bool:
        wanted = {name: query[name] for name in ("source_branch", "target_branch") if name in query and self.filters}
        state = query.get("state", "all")
        return state in {"all", one["state"]} and all(one[name] == value for name, value in wanted.items())

    def _create(self, body: Json) -> Response:
        missing = [name for name in ("source_branch", "target_branch", "title") if not body.get(name)]
        if missing:
            return JSONResponse({"error": f"{missing[0]} is missing"}, 400)
        if body["source_branch"] == body["target_branch"]:
            return JSONResponse({"message": ["You can't use same project/branch for source and target"]}, 422)
        both = (body["source_branch"], body["target_branch"])
        for one in self.requests:
            if one["state"] == "opened" and (one["source_branch"], one["target_branch"]) == both:
                said = f"Another open merge request already exists for this source branch: !{one['iid']}"
                return JSONResponse({"message": [said]}, 409)
        number = len(self.requests) + 1
        address = f"https://gitlab.invalid/team/shop/-/merge_requests/{number}"
        ends = {"source_project_id": 1, "target_project_id": 1, "project_id": 1}
        made = {"id": 1000 + number, "iid": number, "state": "opened", "web_url": address, "description": None}
        self.requests.append(made | ends | body)
        return JSONResponse(self.requests[-1], 201)

    def _update(self, one: Json, body: Json) -> Response:
        if set(body) - EDITABLE:
            return JSONResponse({"error": f"{sorted(set(body) - EDITABLE)[0]} is invalid"}, 400)
        event = body.pop("state_event", "")
        if event:
            before, after = EVENTS[event]
            one["state"] = after if one["state"] == before else one["state"]
        one |= body
        return JSONResponse(one)


METHODS = ["GET", "POST", "PUT"]
