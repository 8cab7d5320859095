"""What the fault suite slips into the workers that it tests: a clock that jumps, requests that tell their run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lab.faults.installed.installation import SHIM

PROGRAM = """
import asyncio, os, time
import aiohttp, prefect.runtime
from aiohttp import web

async def main():
    told = []
    async def answer(request):
        told.append(request.headers["X-Lab-Run"])
        return web.Response()
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as http:
        await (await http.get("/")).read()
        os.environ["PREFECT__FLOW_RUN_ID"] = "7f"
        await (await http.get("/", headers={"Accept": "text/plain"})).read()
    await runner.cleanup()
    print(told, round(time.time() - time.clock_gettime(time.CLOCK_REALTIME), -2))

asyncio.run(main())
"""


def test_requests_tell_their_run_and_the_clock_is_wrong(tmp_path: Path) -> None:
    """Nobody's outside all runs; an hour ahead where the file says so."""
    clock = tmp_path / "clock"
    clock.write_text("3600")
    env = {**os.environ, "LAB_CLOCK": str(clock), "PYTHONPATH": str(SHIM)}
    env.pop("PREFECT__FLOW_RUN_ID", None)
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "['', '7f'] 3600.0"
