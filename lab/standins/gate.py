"""A stand-in for a team's gate service: ``python -m lab.standins.gate --port P --state-dir DIR``.

It speaks the gate API that users of Flagger's load tester script: gates and rollback switches per namespace and name,
closed at first. ``/e2e`` stands for an end-to-end test run: it passes unless it was set to fail, and keeps each call,
so that one can see that the gate was asked, in which phase, and before which traffic. ``/suites`` runs suites by the
protocol of a Gate's ``suite.webhook``; which ones it forgets with its process.
"""

import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from lab.standins.journal import Journal
from lab.standins.serve import arguments, serve

OPEN, CLOSED, CHANGED, MALFORMED = 200, 403, 202, 400
SUITE_S = 4.0
"""How long a suite of ``/suites`` runs before it has passed."""


class Question(BaseModel):
    """What a rollout sends to a gate. Nothing else is taken: a gate that guesses would hide a wrong caller."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    namespace: str
    phase: str = ""
    checksum: str = ""
    metadata: dict[str, str] | None = None


class Gates:
    """The switches: gates, rollback switches, and whether the end-to-end test passes."""

    def __init__(self, state_dir: Path) -> None:
        self.calls = Journal(state_dir, "gate-calls")
        self._open: set[tuple[str, str, str]] = set()
        self._e2e_failing: set[tuple[str, str]] = set()

    def answer(self, path: str, question: Question) -> int:
        kind, _, verb = path.partition("/")
        who = (question.namespace, question.name)
        if kind == "e2e":
            return self._end_to_end(verb, who)
        if verb in ("open", "close"):
            change = self._open.add if verb == "open" else self._open.discard
            change((kind, *who))
            return CHANGED
        if verb == "check":
            return OPEN if (kind, *who) in self._open else CLOSED
        return {"approve": OPEN, "halt": CLOSED}[verb]

    def _end_to_end(self, verb: str, who: tuple[str, str]) -> int:
        if verb in ("fail", "pass"):
            change = self._e2e_failing.add if verb == "fail" else self._e2e_failing.discard
            change(who)
            return CHANGED
        return CLOSED if who in self._e2e_failing else OPEN


PATHS = (
    *(f"gate/{verb}" for verb in ("approve", "halt", "check", "open", "close")),
    *(f"rollback/{verb}" for verb in ("check", "open", "close")),
    *("e2e", "e2e/fail", "e2e/pass"),
)


def application(state_dir: Path) -> Starlette:
    """The stand-in as an ASGI application."""
    gates = Gates(state_dir)

    async def ask(request: Request) -> Response:
        path = request.url.path.strip("/")
        try:
            question = Question.model_validate_json(await request.body())
        except ValidationError as error:
            gates.calls.add({"path": path, "status": MALFORMED, "why": str(error)})
            return PlainTextResponse(str(error), status_code=MALFORMED)
        status = gates.answer(path, question)
        asked: dict[str, Any] = question.model_dump()
        gates.calls.add({"path": path, "status": status, **asked})
        return JSONResponse({"status": status}, status_code=status)

    suites: dict[str, float] = {}

    async def start(request: Request) -> Response:
        """Start a suite, once for each key."""
        key = request.headers.get("idempotency-key", "")
        if key not in suites:
            suites[key] = time.monotonic()
            gates.calls.add({"path": "suites", "status": CHANGED, "key": key})
        return JSONResponse({"state": "running", "statusUrl": f"{request.url}/{key}"}, status_code=CHANGED)

    async def progress(request: Request) -> Response:
        began = suites.get(request.path_params["key"])
        if began is None:
            return PlainTextResponse("there is no such suite", status_code=404)
        state = "passed" if time.monotonic() - began >= SUITE_S else "running"
        return JSONResponse({"state": state, "message": "12 of 12 tests"})

    async def calls(_: Request) -> Response:
        return JSONResponse(gates.calls.entries)

    routes = [Route(f"/{path}", ask, methods=["POST"]) for path in PATHS]
    of_suites = [Route("/suites", start, methods=["POST"]), Route("/suites/{key}", progress)]
    return Starlette(routes=[*routes, *of_suites, Route("/-/calls", calls)])


if __name__ == "__main__":
    asked = arguments("stand-in for a team's gate service")
    serve(application(asked.state_dir), asked.port)
