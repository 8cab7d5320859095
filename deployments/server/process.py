"""The embedded Prefect server's process: serves until it is stopped, or until the process that started it is gone.

The parent keeps the other end of this process's standard input open. When the parent ends, however it ends, the read
returns and the server stops: a killed `sluice up` leaves no server behind that would keep the port and the database.
"""

from __future__ import annotations

import argparse
import os
import signal
import threading

import uvicorn

from deployments.server import engine as server_engine


def main() -> None:
    """Serve Prefect's API and UI. Its settings come from the environment that the parent made."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    server_engine.install()
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    uvicorn.run(
        "prefect.server.api.server:create_app",
        factory=True,
        host=given.host,
        port=given.port,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=3,
        log_level="warning",
    )


def _stop_with_parent() -> None:
    while os.read(0, 1024):  # not sys.stdin: a daemon thread must hold no lock of the interpreter when that ends
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
