"""CircleCI: a pipeline is triggered, and its workflows are read (circleci.com/docs/api/v2).

A pipeline that was started is found again by the key in its compiled configuration, among those that were triggered by API
since the intent: where one of them has no key in it, nobody can say whose it is, and none is started.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from blocks.suites.asking import Asking, https, listed, token_of, words
from blocks.suites.base import RUNNING, Launch, Progress, Reach, Started, UnclearError
from sluice.errors import InvalidError, TerminalError
from sluice.gates.suite import KEY, SEEN_WITHIN, Outcome
from sluice.manifests.own.gates.suite import CircleCISuite

CLOCKS_APART = 120.0
"""Seconds that its clock may be behind ours."""
PAGES, LONGEST_ID = 10, 100
UNDER_WAY = {"running", "not_run", "failing", "on_hold"}
TESTS = "failed"
"""The status of a job that ended by what it ran; any other that is no success is its infrastructure."""


@dataclass(frozen=True, slots=True)
class CircleCI:
    """Pipelines of one project."""

    reach: Reach
    settles: float = 15.0

    async def start(self, launch: Launch) -> Started:
        spec = _spec(launch)
        reference = {
            name: launch.filled(text, f"circleci.{name}")
            for name, text in (("branch", spec.branch), ("tag", spec.tag))
            if text
        }
        parameters = {
            **launch.all_filled(spec.parameters, "circleci.parameters"),
            **({spec.key_parameter: launch.key} if spec.key_parameter else {}),
        }
        path, body = f"/project/{spec.project}/pipeline", {**reference, "parameters": parameters}
        if spec.definition_id:
            path += "/run"
            body = {
                "definition_id": spec.definition_id,
                "config": reference,
                "checkout": reference,
                "parameters": parameters,
            }
        answer = await (await self._api(launch)).ask("POST", path, body)
        if not isinstance(answer, Mapping) or not answer.get("id"):
            # It answers 2xx with a message alone where filters of the configuration leave nothing to run.
            said = words(answer.get("message")) if isinstance(answer, Mapping) else ""
            raise TerminalError(f"CircleCI started no pipeline of {spec.project}: {said or 'it says nothing more'}")
        return _started(spec, answer)

    async def find(self, launch: Launch) -> Started | None:
        spec, api = _spec(launch), await self._api(launch)
        unknown = []
        for pipeline in await self._since(api, spec, launch.since - CLOCKS_APART):
            config = await api.ask("GET", f"/pipeline/{pipeline['id']}/config")
            text = repr(config)
            if launch.key in text:
                return _started(spec, pipeline)
            if not KEY.search(text):
                unknown.append(str(pipeline.get("number")))
        if unknown:
            raise UnclearError(
                f"whether the suite was started cannot be found out: pipeline {', '.join(unknown)} of {spec.project} was "
                f"triggered since, with no key in it. Use the parameter {spec.key_parameter} in the configuration, so that "
                "the next one can be found"
            )
        return None

    async def _since(self, api: Asking, spec: CircleCISuite, since: float) -> list[Mapping[str, Any]]:
        """The pipelines that were triggered by API since then."""
        found: list[Mapping[str, Any]] = []
        query: dict[str, str] = {}
        for _ in range(PAGES):
            page = await api.ask("GET", f"/project/{spec.project}/pipeline", **query)
            items = listed(page, "items", "CircleCI")
            new = [one for one in items if _seconds(one.get("created_at")) >= since]
            found += [one for one in new if (one.get("trigger") or {}).get("type", "api") == "api"]
            if len(new) < len(items) or not page.get("next_page_token"):
                return found
            query = {"page-token": str(page["next_page_token"])}
        raise UnclearError(f"whether the suite was started cannot be found out: {spec.project} has too many pipelines")

    async def progress(self, launch: Launch, run: str) -> Progress:
        api = await self._api(launch)
        latest: dict[Any, Mapping[str, Any]] = {}
        for one in sorted(await self._workflows(api, run), key=lambda one: str(one.get("created_at"))):
            latest[one.get("name")] = one  # who reruns one from where it failed has another of the same name
        if not latest:
            if launch.now - launch.since < SEEN_WITHIN:
                return RUNNING
            return Progress(Outcome.FAILED, "the pipeline has no workflow: do filters of its configuration leave any?")
        statuses = {one.get("status") for one in latest.values()}
        if "on_hold" in statuses and not statuses & {"running", "failing"}:
            return Progress(Outcome.RUNNING, "it waits for an approval at CircleCI")
        if statuses & UNDER_WAY or None in statuses:
            return RUNNING
        bad = [one for one in latest.values() if one.get("status") != "success"]
        outcomes = [await self._why(api, one) for one in bad]
        failed = [one for one in outcomes if one.outcome is Outcome.FAILED]
        return next(iter(failed or outcomes), Progress(Outcome.PASSED))

    async def _workflows(self, api: Asking, run: str) -> list[Mapping[str, Any]]:
        return listed(await api.ask("GET", f"/pipeline/{run}/workflow"), "items", "CircleCI")

    async def _why(self, api: Asking, workflow: Mapping[str, Any]) -> Progress:
        """Whether a workflow ended by its tests or by its infrastructure."""
        name, status = workflow.get("name"), workflow.get("status")
        if status != "failed":
            return Progress(Outcome.BROKEN, f"workflow {name} is {status}")
        jobs = listed(await api.ask("GET", f"/workflow/{workflow['id']}/job"), "items", "CircleCI")
        by_tests = [str(job.get("name")) for job in jobs if job.get("status") == TESTS]
        if by_tests:
            return Progress(Outcome.FAILED, words(f"failed in CircleCI: {', '.join(by_tests)}"))
        others = {str(job.get("status")) for job in jobs if job.get("status") not in {"success", "blocked", "not_run"}}
        return Progress(Outcome.BROKEN, f"workflow {name}: {', '.join(sorted(others)) or 'no job says why'}")

    async def cancel(self, launch: Launch, run: str) -> None:
        api = await self._api(launch)
        for workflow in await self._workflows(api, run):
            if workflow.get("status") in UNDER_WAY:
                await api.ask("POST", f"/workflow/{workflow['id']}/cancel")

    async def _api(self, launch: Launch) -> Asking:
        spec = _spec(launch)
        token, where = await token_of(self.reach, launch, spec.secret_ref)
        address = f"{spec.address.rstrip('/')}/api/v2"
        headers = {"Circle-Token": token.get_secret_value()}
        return Asking(self.reach.http, "CircleCI", address, headers, token, where)


def _spec(launch: Launch) -> CircleCISuite:
    assert launch.suite.circleci is not None  # noqa: S101 - the table gives a suite to the runner that it names
    return launch.suite.circleci


def _started(spec: CircleCISuite, pipeline: Mapping[str, Any]) -> Started:
    run = str(pipeline["id"])
    if len(run) > LONGEST_ID or not run.replace("-", "").isalnum():
        raise InvalidError("CircleCI gives an id that is none")
    return Started(run, https(f"https://app.circleci.com/pipelines/{spec.project}/{pipeline.get('number')}"))


def _seconds(text: Any) -> float:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        raise InvalidError("CircleCI does not answer as its description says: created_at is no time") from None
