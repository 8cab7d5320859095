"""The command line. Exit codes: 0 done, 1 an error that the last line explains, 2 wrong usage or settings."""

from __future__ import annotations

import sys

from pydantic import ValidationError
from rich.markup import escape

from deployments.commands import asking, audit, comparing, flags, freezing, judging, looking, migrating, running, trains
from deployments.commands.terminal import app, errors, leave
from deployments.tools.descriptors import allow_descriptors
from sluice.errors import SluiceError, TerminalError
from sluice.faults import plainly

COMMANDS = (running, looking, asking, freezing, judging, comparing, migrating, flags, audit, trains)
"""The modules whose functions are the commands of `app`. A new one is a file and its name here."""


def main() -> None:
    """Run the command line; errors become one sentence and an exit code."""
    allow_descriptors()
    try:
        app(result_action="return_value")
    except ValidationError as error:
        for problem in error.errors():
            name = "SLUICE_" + "_".join(str(part) for part in problem["loc"]).upper()
            errors.print(f"[red]settings[/] {name}: {escape(plainly(problem['msg']))}", soft_wrap=True)
        sys.exit(2)
    except SluiceError as error:
        kind = "error" if isinstance(error, TerminalError) else "not now"
        errors.print(f"[red]{kind}[/] {escape(str(error))}", soft_wrap=True)
        leave(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
