"""The part of GitHub's REST API that the stand-in answers, held to GitHub's published models in both directions.

A body is refused as GitHub refuses it; an answer is one that a client generated from GitHub's OpenAPI document can
read. Unlike GitHub, a field that the model does not have is refused too: in one's own program it is a slip.
"""

import base64
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from githubkit_schemas.latest.models import (
    CodeScanningSarifsReceipt,
    IssueComment,
    PullRequest,
    PullRequestMergeResult,
    PullRequestSimple,
    ReposOwnerRepoCodeScanningSarifsPostBody,
    ReposOwnerRepoIssuesIssueNumberCommentsPostBody,
    ReposOwnerRepoPullsPostBody,
    ReposOwnerRepoPullsPullNumberPatchBody,
    ReposOwnerRepoPullsPullNumberRequestedReviewersPostBodyAnyof0,
    ReposOwnerRepoStatusesShaPostBody,
    Status,
)
from pydantic import BaseModel, ValidationError

from lab.standins.journal import Journal
from lab.standins.minimal import minimal_document

DOCUMENTATION = "https://docs.github.com/rest"
Json = Any


class ProblemError(Exception):
    """GitHub would answer this call with an error status and a message."""

    def __init__(self, status: int, message: str, errors: list[Json] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Json] = {"message": message, "documentation_url": DOCUMENTATION, "status": str(status)}
        if errors:
            self.body |= {"errors": errors}


@dataclass(frozen=True)
class Operation:
    """One operation of the API: where it is, what it takes, and what it does."""

    method: str
    path: str
    body: type[BaseModel] | None
    status: int
    act: Callable[["Repositories", dict[str, str], dict[str, Json]], Json]
    app_only: bool = False


class Repositories:
    """What was said about commits and pull requests, per repository."""

    def __init__(self, calls: Journal) -> None:
        self.calls = calls
        self._statuses: list[tuple[str, str, dict[str, Json]]] = []
        self._pulls: dict[str, list[dict[str, Json]]] = {}
        self._kept: dict[tuple[str, str], list[dict[str, Json]]] = {}

    def kept(self, kind: str, path: dict[str, str]) -> list[dict[str, Json]]:
        """What there is of a kind in a repository, oldest first."""
        return self._kept.setdefault((kind, _full_name(path)), [])

    def is_green(self, path: dict[str, str], commit: str) -> bool:
        """Whether the newest status of each context of a commit is a success."""
        newest = {
            status["context"]: status["state"]
            for *where, status in self._statuses
            if where == [_full_name(path), commit]
        }
        return set(newest.values()) <= {"success"}

    def perform(
        self, operation: Operation, path: dict[str, str], body: bytes, query: dict[str, str] | None = None
    ) -> Json:
        """Check a call, do what it asks, and keep it.

        Raises:
            ProblemError: GitHub would refuse it.
        """
        given = _checked(operation.body, body) if operation.body else query or {}
        answer = operation.act(self, path, given)
        self.calls.add({"method": operation.method, "path": operation.path.format(**path), "body": given})
        return answer

    def create_status(self, path: dict[str, str], given: dict[str, Json]) -> Json:
        status = {"context": "default", **given, "id": len(self._statuses) + 1}
        self._statuses.append((_full_name(path), path["sha"], status))
        return minimal_document(Status, status)

    def statuses(self, path: dict[str, str], _: dict[str, Json]) -> Json:
        wanted = (_full_name(path), path["ref"])
        return [
            minimal_document(Status, status) for *where, status in reversed(self._statuses) if tuple(where) == wanted
        ]

    def create_pull(self, path: dict[str, str], given: dict[str, Json]) -> Json:
        pulls = self._pulls.setdefault(_full_name(path), [])
        both = (given["head"], given["base"])
        if any(pull["state"] == "open" and (pull["head"], pull["base"]) == both for pull in pulls):
            raise ProblemError(
                422, "Validation Failed", [{"message": f"A pull request already exists for {given['head']}."}]
            )
        if given["head"] == given["base"]:
            raise ProblemError(422, "Validation Failed", [{"message": "head and base are one branch"}])
        pulls.append({"number": len(pulls) + 1, "title": given.get("title", ""), "state": "open", **given})
        return _shown(PullRequest, path, pulls[-1])

    def pulls(self, path: dict[str, str], query: dict[str, Json]) -> Json:
        """Open ones where nothing else is asked, newest first, as GitHub lists them."""
        unknown = set(query) - {"state", "head", "base", "sort", "direction", "per_page", "page"}
        if unknown:
            raise ProblemError(422, "Invalid request.", [f"unknown parameter: {name}" for name in sorted(unknown)])
        state, owner = query.get("state", "open"), path["owner"]
        return [
            _shown(PullRequestSimple, path, pull)
            for pull in reversed(self._pulls.get(_full_name(path), []))
            if state in ("all", pull["state"])
            and query.get("head", f"{owner}:{pull['head']}") == f"{owner}:{pull['head']}"
            and query.get("base", pull["base"]) == pull["base"]
        ]

    def merge_pull(self, path: dict[str, str], _: dict[str, Json]) -> Json:
        pull = self._pull(path, path["number"])
        if pull["state"] != "open":
            raise ProblemError(405, "Pull Request is not mergeable")
        pull |= {"state": "closed", "merged_at": "2026-01-01T00:00:00Z"}
        return minimal_document(PullRequestMergeResult, {"merged": True, "sha": "0" * 40, "message": "merged"})

    def update_pull(self, path: dict[str, str], given: dict[str, Json]) -> Json:
        pull = self._pull(path, path["number"])
        pull |= given
        return _shown(PullRequest, path, pull)

    def request_reviewers(self, path: dict[str, str], given: dict[str, Json]) -> Json:
        """All of a list is refused for one that is no collaborator, which is everybody called `stranger`."""
        pull = self._pull(path, path["number"])
        if "stranger" in (*given.get("reviewers", []), *given.get("team_reviewers", [])):
            said = (
                "Reviews may only be requested from collaborators. One or more of the users or teams you specified is"
            )
            raise ProblemError(422, f"{said} not a collaborator of the {_full_name(path)} repository.")
        return _shown(PullRequestSimple, path, pull)

    def take_findings(self, path: dict[str, str], given: dict[str, Json]) -> Json:
        """Compressed and in base64, about a commit of a branch, with one run at least."""
        try:
            runs = json.loads(gzip.decompress(base64.b64decode(given["sarif"], validate=True)))["runs"]
        except (ValueError, OSError, EOFError, KeyError, TypeError) as cause:
            raise ProblemError(400, "The sarif property is no SARIF that was compressed with gzip") from cause
        if not runs or not given["ref"].startswith("refs/"):
            raise ProblemError(400, "there are no runs, or ref is no whole name")
        return minimal_document(CodeScanningSarifsReceipt, {"id": f"{len(self.calls.entries) + 1}"})

    def comment(self, path: dict[str, str], given: dict[str, Json]) -> Json:
        self._pull(path, path["number"])
        return minimal_document(IssueComment, {"id": len(self.calls.entries) + 1, **given})

    def _pull(self, path: dict[str, str], number: str) -> dict[str, Json]:
        for pull in self._pulls.get(_full_name(path), []):
            if str(pull["number"]) == number:
                return pull
        raise ProblemError(404, "Not Found")


def _full_name(path: dict[str, str]) -> str:
    return f"{path['owner']}/{path['repo']}"


def _shown(model: type[BaseModel], path: dict[str, str], pull: dict[str, Json]) -> Json:
    url = f"https://github.invalid/{_full_name(path)}/pull/{pull['number']}"
    ends = {end: {"ref": pull[end], "label": pull[end]} for end in ("head", "base")}
    plain: dict[str, Json] = {
        name: pull[name] for name in ("number", "title", "state", "body", "draft", "merged_at") if name in pull
    }
    return minimal_document(model, {**plain, **ends, "html_url": url})


def _checked(model: type[BaseModel], body: bytes) -> dict[str, Json]:
    try:
        given = json.loads(body)
    except ValueError as cause:
        raise ProblemError(400, "Problems parsing JSON") from cause
    if not isinstance(given, dict):
        raise ProblemError(400, "Body should be a JSON object")
    unknown = set(given) - {field.alias or name for name, field in model.model_fields.items()}
    if unknown:
        raise ProblemError(422, "Invalid request.", [f"unknown field: {name}" for name in sorted(unknown)])
    try:
        model.model_validate(given)
    except ValidationError as cause:
        raise ProblemError(422, "Invalid request.", [error["msg"] for error in cause.errors()]) from cause
    return given


REPOSITORY = "/repos/{owner}/{repo}"
OPERATIONS = (
    Operation(
        "POST", REPOSITORY + "/statuses/{sha}", ReposOwnerRepoStatusesShaPostBody, 201, Repositories.create_status
    ),
    Operation("GET", REPOSITORY + "/commits/{ref}/statuses", None, 200, Repositories.statuses),
    Operation("POST", REPOSITORY + "/pulls", ReposOwnerRepoPullsPostBody, 201, Repositories.create_pull),
    Operation("GET", REPOSITORY + "/pulls", None, 200, Repositories.pulls),
    Operation(
        "PATCH", REPOSITORY + "/pulls/{number}", ReposOwnerRepoPullsPullNumberPatchBody, 200, Repositories.update_pull
    ),
    Operation(
        "POST",
        REPOSITORY + "/pulls/{number}/requested_reviewers",
        ReposOwnerRepoPullsPullNumberRequestedReviewersPostBodyAnyof0,
        201,
        Repositories.request_reviewers,
    ),
    Operation(
        "POST",
        REPOSITORY + "/code-scanning/sarifs",
        ReposOwnerRepoCodeScanningSarifsPostBody,
        202,
        Repositories.take_findings,
    ),
    Operation("PUT", REPOSITORY + "/pulls/{number}/merge", None, 200, Repositories.merge_pull),
    Operation(
        "POST",
        REPOSITORY + "/issues/{number}/comments",
        ReposOwnerRepoIssuesIssueNumberCommentsPostBody,
        201,
        Repositories.comment,
    ),
)
