"""The plan before a departure, and its picture."""

from __future__ import annotations

from sluice.trains.plan import mermaid, plan
from tests.trains_samples import NOW, canaries, car_manifest, rested, train


def test_a_plan_has_levels_versions_and_reasons() -> None:
    """What would happen if it departed now, and when it will."""
    sut = train(departures=[{"cron": "0 9 * * MON", "timeZone": "Europe/Berlin"}])
    there = canaries(car_manifest("db"), car_manifest("api", version="1.2.0"), rested("mail"))
    found = plan(sut, [sut], there, NOW - 1)
    assert found.wrong == ()
    assert "departs Mon 30 Nov 09:00 Europe/Berlin; 10 lanes; one fate" in found.says
    assert [(row.level, row.name, row.ride.version if row.ride else row.why) for row in found.rows] == [
        (1, "db", "1.1.0"),
        (1, "mail", "has nothing new"),
        (2, "api", "1.2.0"),
        (3, "web", "there is no Canary shop/web"),
    ]


def test_a_train_that_goes_round_in_a_circle_still_has_a_plan() -> None:
    """That says what is wrong; nobody boards."""
    found = plan(train(("a", "b"), ("b", "a")), [], {}, NOW)
    assert "circle" in found.wrong[0]
    assert {row.name: row.ride for row in found.rows} == {"a": None, "b": None}
    assert "flowchart" in mermaid(found)


def test_a_train_under_way_shows_its_journey_whatever_became_of_the_manifest() -> None:
    """An edit under way is for the next one."""
    rides = [
        {"name": "db", "canary": "db", "namespace": "shop", "version": "1.1.0", "state": "Promoted"},
        {"name": "api", "canary": "api", "namespace": "shop", "after": ["db"], "version": "1.2.0", "state": "Riding"},
    ]
    sut = train(("db", "new"), ("new", "db"), status={"phase": "Running", "rides": rides, "message": "1 of 2"})
    found = plan(sut, [sut], {}, NOW)
    assert [(row.name, str(row.ride and row.ride.state)) for row in found.rows if row.ride] == [
        ("db", "Promoted"),
        ("api", "Riding"),
    ]
    assert "is Running: 1 of 2" in found.says


def test_a_picture_says_what_the_table_says_and_nothing_breaks_out_of_it() -> None:
    """Names in a label are text, whatever is in them."""
    there = canaries(car_manifest("db", version='1"]; click x "y'), car_manifest("api"))
    drawn = mermaid(plan(train("db", ("api", "db")), [], there, NOW))
    assert 'c0["db 1#quot;]; click x #quot;y"]:::boards' in drawn
    assert "  c0 --> c1" in drawn
    assert 'subgraph l2["level 2"]' in drawn
