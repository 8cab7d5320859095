"""A stand-in for GitHub: ``python -m lab.standins.github --port P --state-dir DIR``.

It sends webhooks (:mod:`lab.standins.github_webhooks`) and answers a part of the REST API (:mod:`lab.standins.github_rest`,
:mod:`lab.standins.github_releases`); every other path is 404. In addition to GitHub's own paths:

- ``POST /-/pushed {"repository", "ref", "before", "after"}``: commits arrived (the git server's hook says so); sends
  ``push``;
- ``POST /-/published {"name", "tag", "digest", "url", "event"?}``: an image was published; sends ``registry_package``,
  or ``package`` when ``event`` says so;
- ``POST /-/redeliver {"delivery"}``: sends a delivery again under the same id;
- ``GET /-/deliveries``, ``GET /-/calls``, ``GET /-/refused``: what was sent and answered, called, and refused.
"""

import argparse
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.standins.github_releases import OPERATIONS as RELEASES
from lab.standins.github_rest import OPERATIONS, Operation, ProblemError, Repositories
from lab.standins.github_webhooks import Deliveries, package_payload, push_payload
from lab.standins.journal import Journal
from lab.standins.serve import LOOPBACK, arguments, secret, serve

Endpoint = Callable[[Request], Awaitable[Response]]


class Rest:
    """GitHub's HTTP side: authentication and status codes."""

    def __init__(self, repositories: Repositories, token: str, refused: Journal) -> None:
        self._repositories = repositories
        self._token = token
        self._refused = refused

    def endpoint(self, operation: Operation) -> Endpoint:
        async def answer(request: Request) -> Response:
            try:
                self._admit(request, app_only=operation.app_only)
                path = {name: str(value) for name, value in request.path_params.items()}
                query = dict(request.query_params)
                done = self._repositories.perform(operation, path, await request.body(), query)
            except ProblemError as problem:
                return self._refusal(request, problem)
            return JSONResponse(done, status_code=operation.status)

        return answer

    async def not_found(self, request: Request) -> Response:
        return self._refusal(request, ProblemError(404, "Not Found"))

    def _admit(self, request: Request, *, app_only: bool = False) -> None:
        """By the token, or by one that a GitHub App would get instead of it: `ghs_` and the same."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "token") or token not in (self._token, f"ghs_{self._token}"):
            raise ProblemError(401, "Bad credentials")
        if app_only and not token.startswith("ghs_"):
            raise ProblemError(403, "You must authenticate via a GitHub App.")
        if not request.headers.get("user-agent"):
            raise ProblemError(403, "Request forbidden by administrative rules. Please make sure to send a User-Agent.")

    def _refusal(self, request: Request, problem: ProblemError) -> Response:
        self._refused.add({"method": request.method, "path": request.url.path, **problem.body})
        return JSONResponse(problem.body, status_code=problem.status)


class Control:
    """What the lab itself asks of the stand-in."""

    def __init__(self, deliveries: Deliveries, git_url: str) -> None:
        self._deliveries = deliveries
        self._git_url = git_url

    async def pushed(self, request: Request) -> Response:
        def act(said: dict[str, Any]) -> str:
            clone_url = f"{self._git_url}/{said['repository']}.git"
            payload = push_payload(said["repository"], said["ref"], said["before"], said["after"], clone_url)
            return self._deliveries.send("push", payload)

        return await _acted(request, act)

    async def published(self, request: Request) -> Response:
        def act(said: dict[str, Any]) -> str:
            event = said.get("event", "registry_package")
            payload = package_payload(event, said["name"], said["tag"], said["digest"], said["url"])
            return self._deliveries.send(event, payload)

        return await _acted(request, act)

    async def redeliver(self, request: Request) -> Response:
        def act(said: dict[str, Any]) -> str:
            self._deliveries.redeliver(said["delivery"])
            return str(said["delivery"])

        return await _acted(request, act)


async def _acted(request: Request, act: Callable[[dict[str, Any]], str]) -> Response:
    """Run a control call; one that is wrong is the lab's own mistake and is said plainly."""
    try:
        delivery = act(json.loads(await request.body()))
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        return JSONResponse({"message": f"{type(error).__name__}: {error}"}, status_code=400)
    return JSONResponse({"delivery": delivery}, status_code=202)


def application(state_dir: Path, token: str, webhook_secret: str, receiver: str, git_url: str) -> Starlette:
    """The stand-in as an ASGI application."""
    sent, calls, refused = (Journal(state_dir, f"github-{name}") for name in ("deliveries", "calls", "refused"))
    rest = Rest(Repositories(calls), token, refused)
    control = Control(Deliveries(receiver, webhook_secret, sent), git_url)

    def entries(journal: Journal) -> Endpoint:
        async def read(_: Request) -> Response:
            return JSONResponse(journal.entries)

        return read

    return Starlette(
        routes=[
            *(Route(one.path, rest.endpoint(one), methods=[one.method]) for one in (*OPERATIONS, *RELEASES)),
            Route("/-/pushed", control.pushed, methods=["POST"]),
            Route("/-/published", control.published, methods=["POST"]),
            Route("/-/redeliver", control.redeliver, methods=["POST"]),
            *(
                Route(f"/-/{name}", entries(of))
                for name, of in (("deliveries", sent), ("calls", calls), ("refused", refused))
            ),
            Route("/{path:path}", rest.not_found, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]
    )


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--token", help="token REST callers need; else one is made and kept in the state folder")
    parser.add_argument("--secret", help="secret webhooks are signed with; else one is made and kept likewise")
    parser.add_argument("--receiver", default=f"http://{LOOPBACK}:18900/github", help="where webhooks go")
    parser.add_argument("--git-url", default=f"http://{LOOPBACK}:13000", help="the git server, for clone addresses")


if __name__ == "__main__":
    asked = arguments("stand-in for GitHub", _options)
    serve(
        application(
            asked.state_dir,
            secret(asked.state_dir, "github.token", asked.token, "ghp_"),
            secret(asked.state_dir, "github.secret", asked.secret),
            asked.receiver,
            asked.git_url,
        ),
        asked.port,
    )
