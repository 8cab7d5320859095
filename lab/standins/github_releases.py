"""How the stand-in for GitHub shows releases: deployments and their statuses, releases by tag, and check runs.

As GitHub documents them (docs.github.com/rest: deployments, releases, checks) and held to its published models both ways.
"""

from typing import Any

from githubkit_schemas.latest.models import (
    CheckRun,
    Deployment,
    DeploymentStatus,
    Release,
    ReposOwnerRepoDeploymentsDeploymentIdStatusesPostBody,
    ReposOwnerRepoDeploymentsPostBody,
    ReposOwnerRepoReleasesPostBody,
    ReposOwnerRepoReleasesReleaseIdPatchBody,
)
from pydantic import BaseModel, ConfigDict

from lab.standins.github_rest import REPOSITORY, Operation, ProblemError, Repositories
from lab.standins.minimal import minimal_document

Json = Any
LONGEST_DESCRIPTION = 140
PAGE = 30


class CheckRunBody(BaseModel):
    """What a check run is made and changed with: GitHub's models are one for each way, with the same fields."""

    model_config = ConfigDict(extra="forbid")
    name: str | None = None
    head_sha: str | None = None
    details_url: str | None = None
    external_id: str | None = None
    status: str | None = None
    conclusion: str | None = None
    output: dict[str, Json] | None = None


def create_deployment(repositories: Repositories, path: dict[str, str], given: dict[str, Json]) -> Json:
    """409 where statuses of the commit are not good and nobody said that this does not matter; 202 merges nothing here."""
    contexts = given.get("required_contexts")
    if contexts is None and not repositories.is_green(path, given["ref"]):
        said = f"Conflict: Commit status checks failed for {given['ref']}."
        raise ProblemError(409, said, [{"resource": "Deployment", "field": "required_contexts", "code": "invalid"}])
    if given.get("auto_merge", True):
        raise ProblemError(409, f"Conflict merging main into {given['ref']}.")
    _short(given)
    made = repositories.kept("deployments", path)
    one = {"task": "deploy", "environment": "production", "payload": {}, **given, "id": len(made) + 1}
    one["sha"] = one["ref"]
    made.append({key: one[key] for key in one if key not in {"auto_merge", "required_contexts"}})
    return minimal_document(Deployment, made[-1])


def deployments(repositories: Repositories, path: dict[str, str], query: dict[str, Json]) -> Json:
    """Newest first, by commit, reference, task and environment."""
    asked = {name: query[name] for name in ("sha", "ref", "task", "environment") if name in query}
    found = [
        one
        for one in reversed(repositories.kept("deployments", path))
        if all(one[name] == value for name, value in asked.items())
    ]
    return [minimal_document(Deployment, one) for one in found[: int(query.get("per_page", PAGE))]]


def create_deployment_status(repositories: Repositories, path: dict[str, str], given: dict[str, Json]) -> Json:
    """A success puts out what else is in the environment, unless it is told not to."""
    _short(given)
    known = {one["id"]: one for one in repositories.kept("deployments", path)}
    mine = known.get(int(path["number"]))
    if mine is None:
        raise ProblemError(404, "Not Found")
    statuses = repositories.kept("deployment statuses", path)
    if given["state"] == "success" and given.get("auto_inactive", True):
        for one in known.values():
            if one["environment"] == mine["environment"] and one is not mine:
                statuses.append({"id": len(statuses) + 1, "state": "inactive", "description": "", "of": one["id"]})
    one = {key: given[key] for key in given if key != "auto_inactive"}
    statuses.append({"id": len(statuses) + 1, "description": "", **one, "of": mine["id"]})
    return minimal_document(DeploymentStatus, _without(statuses[-1], "of"))


def deployment_statuses(repositories: Repositories, path: dict[str, str], query: dict[str, Json]) -> Json:
    """Newest first."""
    statuses = reversed(repositories.kept("deployment statuses", path))
    found = [_without(one, "of") for one in statuses if one["of"] == int(path["number"])]
    return [minimal_document(DeploymentStatus, one) for one in found[: int(query.get("per_page", PAGE))]]


def create_release(repositories: Repositories, path: dict[str, str], given: dict[str, Json]) -> Json:
    """People make them."""
    made = repositories.kept("releases", path)
    made.append({"id": len(made) + 1, **given})
    return minimal_document(Release, made[-1])


def release_by_tag(repositories: Repositories, path: dict[str, str], _: dict[str, Json]) -> Json:
    """404 for a tag without a release."""
    return _release(repositories, path, "tag_name", path["tag"])


def release(repositories: Repositories, path: dict[str, str], _: dict[str, Json]) -> Json:
    """By its number."""
    return _release(repositories, path, "id", int(path["number"]))


def update_release(repositories: Repositories, path: dict[str, str], given: dict[str, Json]) -> Json:
    """What is not given stays."""
    for one in repositories.kept("releases", path):
        if one["id"] == int(path["number"]):
            one.update(given)
    return release(repositories, path, {})


def create_check(repositories: Repositories, path: dict[str, str], given: dict[str, Json]) -> Json:
    """One that is over says how it ended."""
    _whole({**given})
    made = repositories.kept("checks", path)
    made.append({"status": "queued", **given, "id": len(made) + 1})
    return _check(made[-1])


def update_check(repositories: Repositories, path: dict[str, str], given: dict[str, Json]) -> Json:
    """By its number."""
    for one in repositories.kept("checks", path):
        if one["id"] == int(path["number"]):
            _whole({**one, **given})
            one.update(given)
            return _check(one)
    raise ProblemError(404, "Not Found")


def checks(repositories: Repositories, path: dict[str, str], query: dict[str, Json]) -> Json:
    """Of a commit, by name."""
    found = [
        _check(one)
        for one in repositories.kept("checks", path)
        if one["head_sha"] == path["ref"] and one["name"] == query.get("check_name", one["name"])
    ]
    return {"total_count": len(found), "check_runs": found}


def _check(one: dict[str, Json]) -> Json:
    return minimal_document(CheckRun, {key: one[key] for key in one if key != "output"})


def _whole(one: dict[str, Json]) -> None:
    if (one["status"] == "completed") != bool(one.get("conclusion")):
        raise ProblemError(422, "Invalid request. completed and conclusion belong together")


def _release(repositories: Repositories, path: dict[str, str], field: str, value: Json) -> Json:
    for one in repositories.kept("releases", path):
        if one[field] == value:
            return minimal_document(Release, one)
    raise ProblemError(404, "Not Found")


def _short(given: dict[str, Json]) -> None:
    if len(given.get("description", "")) > LONGEST_DESCRIPTION:
        raise ProblemError(422, f"description is too long (maximum is {LONGEST_DESCRIPTION} characters)")


def _without(one: dict[str, Json], name: str) -> dict[str, Json]:
    return {key: value for key, value in one.items() if key != name}


STATUSES = REPOSITORY + "/deployments/{number}/statuses"
RELEASES = REPOSITORY + "/releases"
CHECKS = REPOSITORY + "/check-runs"
OPERATIONS = (
    Operation("POST", REPOSITORY + "/deployments", ReposOwnerRepoDeploymentsPostBody, 201, create_deployment),
    Operation("GET", REPOSITORY + "/deployments", None, 200, deployments),
    Operation("POST", STATUSES, ReposOwnerRepoDeploymentsDeploymentIdStatusesPostBody, 201, create_deployment_status),
    Operation("GET", STATUSES, None, 200, deployment_statuses),
    Operation("POST", RELEASES, ReposOwnerRepoReleasesPostBody, 201, create_release),
    Operation("GET", RELEASES + "/tags/{tag}", None, 200, release_by_tag),
    Operation("GET", RELEASES + "/{number}", None, 200, release),
    Operation("PATCH", RELEASES + "/{number}", ReposOwnerRepoReleasesReleaseIdPatchBody, 200, update_release),
    Operation("POST", CHECKS, CheckRunBody, 201, create_check, app_only=True),
    Operation("PATCH", CHECKS + "/{number}", CheckRunBody, 200, update_check, app_only=True),
    Operation("GET", REPOSITORY + "/commits/{ref}/check-runs", None, 200, checks),
)
