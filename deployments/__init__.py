"""How sluice runs: settings, server, worker, receiver, automations, command line. The only floor that wires things."""

import os

# Prefect phones home at import when a person is at the terminal; an installation for production asks before doing that.
os.environ.setdefault("DO_NOT_TRACK", "1")
