"""Runs a stand-in: its command line, its secrets, and the server, which only this machine and its pods reach."""

import argparse
import secrets
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

LOOPBACK = "127.0.0.1"


def arguments(what: str, extra: Callable[[argparse.ArgumentParser], None] | None = None) -> argparse.Namespace:
    """The command line every stand-in has, with its own options added by ``extra``."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--state-dir", type=Path, required=True, help="folder for what arrives, and for secrets")
    if extra is not None:
        extra(parser)
    return parser.parse_args()


def secret(state_dir: Path, name: str, given: str | None, prefix: str = "") -> str:
    """The secret given on the command line, or the one kept in the state folder, made at first use.

    It is written to ``<state-dir>/<name>`` either way, which is where others on this machine read it.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    path = state_dir / name
    value = given or (path.read_text().strip() if path.exists() else prefix + secrets.token_hex(16))
    path.touch(mode=0o600)
    path.write_text(value)
    return value


def serve(app: Starlette, port: int, host: str = LOOPBACK) -> None:
    """Serve until SIGTERM. Waiting for idle connections at the end would only slow the lab down."""
    uvicorn.run(app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=1)
