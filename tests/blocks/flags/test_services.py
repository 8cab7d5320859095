"""What holds for every flag service: run over the table, each with the same flags on a real server or repository."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from blocks.flags.table import SERVICES
from sluice.errors import NotFoundError, StaleError, TerminalError
from sluice.flags.flag import OFF, FlagKind, FlagState, Served, Turn, Wish, restored
from tests.blocks.flags.worlds import PROD, TOKEN, USERS, WORLDS

READ_ONLY = {"ofrep"}
WRITABLE = [kind for kind in SERVICES if kind not in READ_ONLY]
BOOLEANS = ("plain-on", "quarter", "staff-only")
EXPECTED = {
    "plain-off": Served(everybody="false"),
    "plain-on": Served(everybody="true"),
    "quarter": Served(shares={"true": 25.0, "false": 75.0}),
    "staff-only": Served(shares={"false": 100.0}, rules=True),
    "color": Served(shares={"red": 30.0, "blue": 70.0}),
    "palette": Served(shares={"light": 100.0}, rules=True),
}


@pytest.fixture
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    async with WORLDS[request.param](tmp_path) as opened:
        yield opened


def test_every_row_has_a_world() -> None:
    """A service without one would be kept by nothing."""
    assert set(WORLDS) == set(SERVICES)


async def state(world: Any, key: str) -> FlagState:
    found = await world.service().flag(key, PROD)
    assert found is not None
    return found.environments[PROD]


@pytest.mark.parametrize("world", WRITABLE, indirect=True)
async def test_who_gets_what_is_read_of_every_flag(world: Any) -> None:
    """A percentage and a rule for a segment are not "for everybody", whatever the switch says."""
    found = {flag.key: flag for flag in await world.service().flags(PROD)}
    served = {key: flag.environments[PROD].served for key, flag in found.items()}
    # Of flagd's rules it is only known that there are some.
    ruled = {} if world.kind != "flagd-file" else dict.fromkeys(("staff-only", "palette"), Served(rules=True))
    assert served == EXPECTED | ruled
    assert {key for key, flag in found.items() if flag.kind is FlagKind.VARIANT} == {"color", "palette"}
    assert set(found["color"].variants) == {"red", "blue"}
    assert found["plain-on"].description == "for everybody"
    assert "owner=team-shop" in found["plain-on"].tags
    assert not any(flag.archived for flag in found.values())


@pytest.mark.parametrize("world", WRITABLE, indirect=True)
async def test_a_list_and_a_single_answer_say_the_same(world: Any) -> None:
    """A state of a list can be the fence of a write."""
    service = world.service()
    for flag in await service.flags(PROD):
        single = await service.flag(flag.key, PROD)
        assert single is not None
        assert single.environments[PROD].version == flag.environments[PROD].version
    assert await service.flag("nobody-knows", PROD) is None


@pytest.mark.parametrize("world", WRITABLE, indirect=True)
@pytest.mark.parametrize("key", BOOLEANS)
async def test_off_is_off_for_everybody_and_is_restored_as_it_was(world: Any, key: str) -> None:
    """Also for those whom a rollout or a rule gives it; and each of them has it once more afterwards."""
    service, before = world.service(), await state(world, key)
    had = await world.all_got(key, USERS), await world.all_got(key, USERS, {"team": "staff"})
    off = await service.turn(key, PROD, OFF, before)
    assert off.served.everybody == "false"
    assert set(await world.all_got(key, USERS)) == set(await world.all_got(key, USERS, {"team": "staff"})) == {"false"}
    again = await service.turn(key, PROD, restored(before), off)
    assert (again.served, again.enabled) == (before.served, before.enabled)
    assert (await world.all_got(key, USERS), await world.all_got(key, USERS, {"team": "staff"})) == had


@pytest.mark.parametrize("world", WRITABLE, indirect=True)
async def test_a_variant_flag_is_disabled_and_restored(world: Any) -> None:
    """Users then get the default variant, or the default in the code where it has none."""
    service, before = world.service(), await state(world, "color")
    off = await service.turn("color", PROD, OFF, before)
    assert (off.enabled, off.served.everybody) == (False, None)
    assert set(await world.all_got("color", USERS)) == {""}
    again = await service.turn("color", PROD, restored(before), off)
    assert again.served == before.served


@pytest.mark.parametrize("world", WRITABLE, indirect=True)
@pytest.mark.parametrize("key", ["plain-off", "quarter"])
async def test_a_share_is_raised_and_nobody_who_has_it_loses_it(world: Any, key: str) -> None:
    """The users at 10 % are among those at 50 %; at the end all have it."""
    service, seen, had = world.service(), await state(world, key), set[str]()
    for share in (10.0, 50.0, 100.0):
        seen = await service.turn(key, PROD, Wish(turn=Turn.SHARE, share=share), seen)
        got = {user for user, value in zip(USERS, await world.all_got(key, USERS), strict=True) if value == "true"}
        assert had <= got
        assert abs(len(got) - share * 10) < 40
        had = got
    assert len(had) == len(USERS)
    # In flagd a user whom nothing tells apart gets the default variant nevertheless.
    assert seen.served.everybody == ("true" if world.kind != "flagd-file" else None)


@pytest.mark.parametrize("world", WRITABLE, indirect=True)
async def test_the_share_of_a_variant_is_raised(world: Any) -> None:
    """Its two variants together are all users."""
    service, seen = world.service(), await state(world, "color")
    seen = await service.turn("color", PROD, Wish(turn=Turn.SHARE, share=90.0, value="red", rest="blue"), seen)
    assert seen.served.shares == {"red": 90.0, "blue": 10.0}
    with pytest.raises(TerminalError, match="green"):
        await service.turn("color", PROD, Wish(turn=Turn.SHARE, share=90.0, value="green"), seen)


@pytest.mark.parametrize("world", WRITABLE, indirect=True)
async def test_what_sluice_raised_to_the_end_can_be_left_on(world: Any) -> None:
    """ON after a raise, and ON of a flag that was never raised: everybody has it."""
    service, seen = world.service(), await state(world, "plain-off")
    seen = await service.turn("plain-off", PROD, Wish(turn=Turn.SHARE, share=40.0), seen)
    seen = await service.turn("plain-off", PROD, Wish(turn=Turn.ON), seen)
    assert seen.served.everybody == "true"
    assert set(await world.all_got("plain-off", USERS)) == {"true"}


@pytest.mark.parametrize("world", WRITABLE, indirect=True)
async def test_a_flag_that_somebody_turned_meanwhile_is_not_turned(world: Any) -> None:
    """The write names what it was decided on; what the person wanted stays."""
    service, seen = world.service(), await state(world, "plain-on")
    await world.person("plain-on", enabled=False)
    now = await state(world, "plain-on")
    with pytest.raises(StaleError, match="plain-on"):
        await service.turn("plain-on", PROD, Wish(turn=Turn.SHARE, share=5.0), seen)
    assert await state(world, "plain-on") == now


@pytest.mark.parametrize("world", WRITABLE, indirect=True)
async def test_what_is_so_already_is_not_written(world: Any) -> None:
    """Twice off is once off, also with a state from before the first: a worker that died after the write goes on."""
    service, before = world.service(), await state(world, "quarter")
    off = await service.turn("quarter", PROD, OFF, before)
    assert await service.turn("quarter", PROD, OFF, before) == off
    assert (await service.turn("plain-off", PROD, OFF, await state(world, "plain-off"))).served.everybody == "false"


@pytest.mark.parametrize("world", WRITABLE, indirect=True)
async def test_a_flag_that_is_gone_cannot_be_turned(world: Any) -> None:
    """It is said by name."""
    service, seen = world.service(), await state(world, "quarter")
    await world.person_removes("quarter")
    with pytest.raises(NotFoundError, match="quarter"):
        await service.turn("quarter", PROD, OFF, seen)
    assert await service.flag("quarter", PROD) is None


@pytest.mark.parametrize("world", WRITABLE, indirect=True)
async def test_archiving_marks_one_flag_and_no_other(world: Any) -> None:
    """It may be repeated, and a flag that is gone needs none."""
    service = world.service()
    before = {flag.key: flag.environments[PROD].served for flag in await service.flags(PROD)}
    for _ in range(2):
        await service.archive("plain-on")
    await service.archive("nobody-knows")
    found = await service.flags(PROD)
    assert {flag.key for flag in found if flag.archived} == {"plain-on"}
    assert {flag.key: flag.environments[PROD].served for flag in found} == before


@pytest.mark.parametrize("world", WRITABLE, indirect=True)
async def test_nothing_is_written_where_the_object_says_read_only(world: Any) -> None:
    """Whatever the token allows."""
    seen = await state(world, "plain-on")
    service = world.service(read_only=True)
    with pytest.raises(TerminalError, match="readOnly"):
        await service.turn("plain-on", PROD, OFF, seen)
    with pytest.raises(TerminalError, match="readOnly"):
        await service.archive("plain-on")
    assert await state(world, "plain-on") == seen


@pytest.mark.parametrize("world", sorted(READ_ONLY), indirect=True)
async def test_a_service_that_only_evaluates_refuses_by_name(world: Any) -> None:
    """It knows of a flag without rules that everybody gets it, and of no other."""
    service = world.service()
    found = {flag.key: flag.environments[PROD].served.everybody for flag in await service.flags(PROD)}
    assert found == {**dict.fromkeys(EXPECTED), "plain-on": "true", "plain-off": "false"}
    seen = await state(world, "plain-on")
    with pytest.raises(TerminalError, match="only evaluates"):
        await service.turn("plain-on", PROD, OFF, seen)
    with pytest.raises(TerminalError, match="only evaluates"):
        await service.archive("plain-on")
    assert await service.flag("nobody-knows", PROD) is None


def test_no_state_shows_a_token() -> None:
    """Nothing that is kept of a flag has it."""
    assert TOKEN not in FlagState(enabled=True).model_dump_json()
