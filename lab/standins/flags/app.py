"""The stand-in as an ASGI application: Flipt v1 and v2 with a token, the evaluation that clients ask, and OFREP.

Besides the servers' own paths: ``PUT /-/flags/{environment}/{namespace}`` with a document like ``features.yml`` as JSON,
``GET /-/calls`` and ``PUT /-/trouble {"status", "body", "location", "slow", "times"}``, which answers the next calls.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.standins.flags.evaluation import Evaluation
from lab.standins.flags.state import BOOLEAN, ProblemError, Store, invalid
from lab.standins.flags.v1 import V1
from lab.standins.flags.v2 import V2
from lab.standins.journal import Journal

DEFAULT = "default"
EVALUATED = {
    "snapshot": "/internal/v1/evaluation/snapshot/namespace/{key}",
    "boolean": "/evaluate/v1/boolean",
    "variant": "/evaluate/v1/variant",
    "batch": "/evaluate/v1/batch",
    "ofrep": "/ofrep/v1/evaluate/flags/{key}",
    "bulk": "/ofrep/v1/evaluate/flags",
}
"""What clients ask, by the kind of answer."""
Endpoint = Callable[[Request], Awaitable[Response]]


class Server:
    """The HTTP side: who may ask, what arrived, and the trouble that a test makes."""

    def __init__(self, state_dir: Path, token: str) -> None:
        self.store = Store()
        self.store.load(DEFAULT, DEFAULT, {})
        self.calls = Journal(state_dir, "flags-calls")
        self._token = token
        self._trouble: dict[str, Any] = {}

    def guarded(self, act: Callable[[Request, dict[str, Any]], Any]) -> Endpoint:
        """An endpoint that wants the token, unless trouble goes before it."""

        async def answer(request: Request) -> Response:
            body = await request.body()
            login = request.headers.get("authorization", "")
            self.calls.add({"method": request.method, "path": request.url.path, "login": bool(login)})
            if self._trouble.get("times", 0) > 0:
                return await self._troubled()
            if login != f"Bearer {self._token}":
                return JSONResponse({"code": 16, "message": "request was not authenticated", "details": []}, 401)
            try:
                said = json.loads(body) if body else {}
                return JSONResponse(act(request, said))
            except ProblemError as problem:
                return JSONResponse(problem.body, problem.status)
            except (ValueError, KeyError, TypeError) as error:
                return JSONResponse(invalid(f"{type(error).__name__}: {error}").body, 400)

        return answer

    async def load(self, request: Request) -> Response:
        where = request.path_params
        self.store.load(where["environment"], where["namespace"], json.loads(await request.body()))
        return JSONResponse({})

    async def make_trouble(self, request: Request) -> Response:
        self._trouble = {"times": 1} | json.loads(await request.body())
        return JSONResponse({})

    async def _troubled(self) -> Response:
        now = self._trouble
        now["times"] -= 1
        await asyncio.sleep(now.get("slow", 0))
        headers = {"Location": now["location"]} if "location" in now else {}
        return Response(now.get("body", ""), status_code=now.get("status", 503), headers=headers)

    def evaluation(self, environment: str, namespace: str) -> Evaluation:
        return Evaluation(self.store.namespace(environment or DEFAULT, namespace or DEFAULT))


def _environment(request: Request) -> str:
    return request.headers.get("x-flipt-environment") or request.query_params.get("environmentKey") or DEFAULT


def application(state_dir: Path, token: str) -> Starlette:
    """The stand-in as an ASGI application."""
    server = Server(state_dir, token)

    def rest(act: Any, request: Request, body: dict[str, Any]) -> Any:
        path = {name: str(value) for name, value in request.path_params.items()}
        return act(path, body, dict(request.query_params))

    def listed(request: Request, body: dict[str, Any]) -> Any:
        # v2 has this one call of v1 still, with the environment in a header.
        return rest(V1(server.store, _environment(request)).list_flags, request, body)

    v1, v2 = V1(server.store), V2(server.store)
    routes = [
        Route(path, server.guarded(partial(rest, act)), methods=[method])
        for method, path, act in (*v1.routes[1:], *v2.routes)
    ]

    async def entries(_: Request) -> Response:
        return JSONResponse(server.calls.entries)

    return Starlette(
        routes=[
            Route(v1.routes[0][1], server.guarded(listed), methods=["GET"]),
            *routes,
            *(
                Route(
                    path,
                    server.guarded(partial(_evaluate, server, kind)),
                    methods=["GET" if kind == "snapshot" else "POST"],
                )
                for kind, path in EVALUATED.items()
            ),
            Route("/-/flags/{environment}/{namespace}", server.load, methods=["PUT"]),
            Route("/-/trouble", server.make_trouble, methods=["PUT"]),
            Route("/-/calls", entries),
        ]
    )


def _evaluate(server: Server, kind: str, request: Request, body: dict[str, Any]) -> Any:
    environment = _environment(request)
    if kind == "snapshot":
        key = request.path_params["key"]
        return server.evaluation(environment, key).snapshot(key)
    if kind in ("ofrep", "bulk"):
        evaluation, context = server.evaluation(environment, DEFAULT), body.get("context") or {}
        if kind == "ofrep":
            return evaluation.ofrep(request.path_params["key"], context)
        keys = sorted(server.store.namespace(environment, DEFAULT).flags)
        return {"flags": [evaluation.ofrep(key, context) for key in keys], "metadata": {}}
    if kind == "batch":
        return {"responses": [_one(server, environment, one) for one in body["requests"]], **_DONE}
    return getattr(_asked(server, environment, body), kind)(*_who(body))


_DONE = {"requestId": "", "requestDurationMillis": 0.1}


def _one(server: Server, environment: str, asked: dict[str, Any]) -> dict[str, Any]:
    namespace = server.store.namespace(environment, _either(asked, "namespaceKey", "namespace_key") or DEFAULT)
    kind = "boolean" if namespace.flag(_who(asked)[0])["type"] == BOOLEAN else "variant"
    said = getattr(Evaluation(namespace), kind)(*_who(asked))
    return {"type": f"{kind.upper()}_EVALUATION_RESPONSE_TYPE", f"{kind}Response": said}


def _asked(server: Server, environment: str, body: dict[str, Any]) -> Evaluation:
    return server.evaluation(environment, _either(body, "namespaceKey", "namespace_key"))


def _who(body: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    key, entity = _either(body, "flagKey", "flag_key"), _either(body, "entityId", "entity_id")
    return key, entity, body.get("context") or {}


def _either(body: dict[str, Any], name: str, other: str) -> str:
    """A field by its JSON name or its name in the proto: grpc-gateway takes both, the official client sends the other."""
    return str(body.get(name) or body.get(other) or "")
