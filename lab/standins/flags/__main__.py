"""``python -m lab.standins.flags --port P --state-dir DIR [--host H]``."""

import argparse

from lab.standins.flags.app import application
from lab.standins.serve import LOOPBACK, arguments, secret, serve


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default=LOOPBACK, help="address to listen at: pods reach that of the lab's bridge")
    parser.add_argument("--token", help="token that callers need; else one is made and kept in the state folder")


if __name__ == "__main__":
    asked = arguments("stand-in for a flag service", _options)
    serve(application(asked.state_dir, secret(asked.state_dir, "flags-token", asked.token)), asked.port, asked.host)
