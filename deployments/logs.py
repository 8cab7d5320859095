"""Where a part of an installation writes its log: a file each in `home/logs`, of bounded size."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from prefect.logging.handlers import PrefectConsoleHandler

LOOK_EVERY = 100
"""Lines of a log after which its size is checked. The library checks after each, which costs as much as writing it."""


class BoundedFile(RotatingFileHandler):
    """A file of bounded size, give or take a hundred lines."""

    _unseen = LOOK_EVERY

    def shouldRollover(self, record: logging.LogRecord) -> int:  # noqa: N802 (the library's name)
        """Whether a new file begins; a look at the old one now and then."""
        self._unseen += 1
        if self._unseen < LOOK_EVERY:
            return 0
        self._unseen = 0
        return super().shouldRollover(record)


def plain_where_nobody_watches() -> None:
    """Write the log of this process as plain lines where it goes to no terminal, as in a pod.

    Laying out lines and colours for a terminal is a twentieth of what a release costs the worker.
    """
    known = [
        logging.getLogger(),
        *(each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)),
    ]
    for logger in known:
        for handler in [each for each in logger.handlers if isinstance(each, PrefectConsoleHandler)]:
            if not handler.stream.isatty():
                plain = logging.StreamHandler(handler.stream)
                plain.setLevel(handler.level)
                plain.setFormatter(handler.formatter)
                plain.set_name(
                    handler.name or "console"
                )  # by which Prefect finds it where it sets up its logs once more
                logger.removeHandler(handler)
                logger.addHandler(plain)


def log_to_file(home: Path, part: str) -> None:
    """Send the log of this process to `home/logs/<part>.log`. The terminal is for what people have to act upon:
    Prefect logs each cancelled run as an error."""
    folder = home / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    file = BoundedFile(folder / f"{part}.log", maxBytes=10 * 1024 * 1024, backupCount=3)
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    for handler in root.handlers:
        handler.setLevel(logging.CRITICAL)
    root.addHandler(file)
    logging.getLogger("sluice").setLevel(logging.INFO)
