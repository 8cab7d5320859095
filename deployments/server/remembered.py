"""What the server finds out once and not for each event: private parts of Prefect, for one version.

`tests/deployments/server/test_remembered.py` fails when one of these parts changes.
"""

from __future__ import annotations

import functools
from typing import Any

from prefect.server.events.schemas.events import Event, ReceivedEvent
from prefect.server.utilities import user_templates
from prefect.settings.legacy import Setting
from prefect.types._datetime import DateTime, now

TEMPLATES = 256
"""Compiled templates that are remembered."""
ENVIRONMENTS = ("_template_environment", "_sync_template_environment")


def remember() -> None:
    """Put it in place. Once, before the server answers."""
    remember_templates()
    remember_what_is_valid()
    remember_settings()


def remember_templates() -> None:
    """Compile what an automation says of its run once. Prefect does it again for each event that starts one."""
    for name in ENVIRONMENTS:
        environment = vars(user_templates)[name]
        environment.from_string = functools.lru_cache(TEMPLATES)(environment.from_string)


def remember_what_is_valid() -> None:
    """Take an event that was read for what it is. Prefect writes it out and reads it once more to note when it came."""

    def receive(self: Event, received: DateTime | None = None) -> ReceivedEvent:
        about = {name: getattr(self, name) for name in Event.model_fields}
        return ReceivedEvent.model_construct(**about, received=received or now("UTC"))  # type: ignore[arg-type]

    Event.receive = receive  # type: ignore[method-assign]


def remember_settings() -> None:
    """Read a setting of the process once. Prefect walks through all of them by the parts of its name each time."""
    read = Setting.value_from
    of: Any = None
    known: dict[str, Any] = {}

    def value_from(self: Setting, settings: Any) -> Any:
        nonlocal of
        if settings is not of:  # other settings, as in a block with settings of its own
            known.clear()
            of = settings
        if self.name not in known:
            known[self.name] = read(self, settings)
        return known[self.name]

    Setting.value_from = value_from  # type: ignore[method-assign]
