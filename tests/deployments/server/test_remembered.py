"""What the server finds out once: compiled templates and settings. Its results do not change."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from prefect.server.utilities import user_templates
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL, temporary_settings
from prefect.settings.legacy import Setting

from deployments.server import remembered

TEMPLATE = "{{ event.payload | tojson }} for {{ event.resource.name }}"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The templates that were compiled."""
    sources: list[str] = []
    for name in remembered.ENVIRONMENTS:
        environment = vars(user_templates)[name]
        real = environment.from_string

        def counted(source: str, real: Any = real) -> Any:
            sources.append(source)
            return real(source)

        monkeypatch.setattr(environment, "from_string", counted)
    remembered.remember_templates()
    return sources


async def test_a_template_is_compiled_once_and_filled_in_each_time(compiled: list[str]) -> None:
    """For each of the two ways in which Prefect fills one in."""
    for name in ("shop", "cart", "shop"):
        about = {"event": {"payload": {"canary": name}, "resource": {"name": name}}}
        said = f'{{"canary": "{name}"}} for {name}'
        assert user_templates.render_user_template_sync(TEMPLATE, about) == said
        assert await user_templates.render_user_template(TEMPLATE, about) == said
    assert compiled == [TEMPLATE] * 2


async def test_a_template_that_is_broken_is_said_each_time(compiled: list[str]) -> None:
    """Its error is no template."""
    broken = "{{ event.payload "
    for _ in range(2):
        with pytest.raises(user_templates.TemplateRenderError, match="unexpected end of template"):
            user_templates.render_user_template_sync(broken, {})
    assert compiled == [broken] * 2


def test_a_setting_is_read_once_and_again_where_others_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a block with settings of its own, and after it."""
    reads: list[str] = []
    real = Setting.value_from

    def counted(self: Setting, settings: Any) -> Any:
        reads.append(self.name)
        return real(self, settings)

    monkeypatch.setattr(Setting, "value_from", counted)
    remembered.remember_settings()
    with temporary_settings({PREFECT_API_URL: "http://one/api", PREFECT_UI_URL: "http://one"}):
        assert [PREFECT_API_URL.value(), PREFECT_UI_URL.value()] * 3 == ["http://one/api", "http://one"] * 3
        reads.clear()
        assert [PREFECT_API_URL.value() for _ in range(3)] == ["http://one/api"] * 3
        assert reads == []
        with temporary_settings({PREFECT_API_URL: "http://two/api"}):
            assert [PREFECT_API_URL.value() for _ in range(3)] == ["http://two/api"] * 3
            assert reads.count("PREFECT_API_URL") == 1
        assert PREFECT_API_URL.value() == "http://one/api"


def test_prefect_still_compiles_and_reads_by_these_names() -> None:
    """They would otherwise be replaced in vain."""
    assert "_template_environment.from_string(" in inspect.getsource(user_templates.render_user_template)
    assert "_sync_template_environment.from_string(" in inspect.getsource(user_templates.render_user_template_sync)
    assert "self.value_from(get_current_settings())" in inspect.getsource(Setting.value)
