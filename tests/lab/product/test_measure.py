"""The demo's numbers, from recorded deliveries: each word means what the module says, on every way to end."""

import pytest

from lab.load.summary import UserRequest
from lab.product.measure import (
    PROMOTED,
    ROLLED_BACK,
    SETTLE_S,
    PhasePoint,
    RoutePoint,
    Seen,
    end_of,
    final_version,
    first_traffic,
    is_settled,
    numbers,
)

OLD, NEW = "1.0.0", "1.1.0"
HOME_BEFORE = RoutePoint(-100.0, 100, 0)


def answers(version: str, start: float, end: float, failed: int = 0) -> list[UserRequest]:
    """Ten answers a second from a version, the first few failed; each takes no time."""
    count = round((end - start) * 10)
    return [UserRequest(start + n / 10, 0, 500 if n < failed else 200, version, "") for n in range(count)]


def good() -> Seen:
    """Pushed at 0, steps from 4 s on, promoted with all weight on the canary for 2 s, home at 56."""
    steps = [RoutePoint(4.0 + 10 * n, 90 - 10 * n, 10 + 10 * n) for n in range(5)]
    route = [HOME_BEFORE, *steps, RoutePoint(54.0, 0, 100), RoutePoint(56.0, 100, 0)]
    phases = [PhasePoint(-90.0, "Succeeded"), PhasePoint(1.0, "Progressing"), PhasePoint(57.0, "Succeeded")]
    users = [*answers(OLD, -5, 54), *answers(NEW, 4.5, 62)]
    return Seen(NEW, 0.0, users, route, phases)


def bad() -> Seen:
    """Pushed at 0, 10 % from 4 s to 7 s, failed at 7.5."""
    route = [HOME_BEFORE, RoutePoint(4.0, 90, 10), RoutePoint(7.0, 100, 0)]
    phases = [PhasePoint(1.0, "Progressing"), PhasePoint(7.5, "Failed")]
    return Seen(NEW, 0.0, [*answers(OLD, -5, 15), *answers(NEW, 4.2, 7, failed=9)], route, phases)


def never_ready() -> Seen:
    """Pushed at 0, given up at 30; the route never moved."""
    phases = [PhasePoint(1.0, "Progressing"), PhasePoint(30.0, "Failed")]
    return Seen(NEW, 0.0, answers(OLD, -5, 40), [HOME_BEFORE], phases)


def test_a_good_release() -> None:
    """Fifty seconds of holds; the second phase of the promotion is not a hold; nobody was hurt."""
    measured = numbers(good(), step_s=10)
    assert measured.verdict == PROMOTED
    assert (measured.push_to_first_traffic_s, measured.push_to_end_s, measured.step_holds_s) == (4.5, 56.0, 50.0)
    assert (measured.failed_requests, measured.bad_traffic_s) == (0, 0.0)


def test_a_bad_release() -> None:
    """Failures and the span of the bad version's answers are counted; the end is the route's way home."""
    measured = numbers(bad(), step_s=10)
    assert measured.verdict == ROLLED_BACK
    assert (measured.push_to_first_traffic_s, measured.push_to_end_s, measured.step_holds_s) == (4.2, 7.0, 3.0)
    assert (measured.failed_requests, measured.bad_traffic_s) == (9, 2.7)


def test_a_release_that_never_got_traffic() -> None:
    """Its end is the Canary's decision; it has no first traffic and no bad traffic."""
    measured = numbers(never_ready(), step_s=10)
    assert (measured.verdict, measured.push_to_first_traffic_s) == (ROLLED_BACK, None)
    assert (measured.push_to_end_s, measured.step_holds_s, measured.bad_traffic_s) == (30.0, 0.0, 0.0)


def test_requests_are_counted_from_the_push_until_it_is_quiet() -> None:
    """Requests from before the push belong to nobody's delivery; those while the canary is taken down do belong."""
    assert numbers(never_ready(), step_s=10).requests == round((30 + SETTLE_S) * 10)


def test_a_failure_while_the_canary_is_taken_down_counts() -> None:
    """A request that fails shortly after the end was hurt by the delivery."""
    seen = good()
    hurt = UserRequest(58.0, 3, 503, "", "")
    late = UserRequest(56.1 + SETTLE_S, 3, 503, "", "")
    with_them = Seen(seen.version, seen.pushed, [*seen.requests, hurt, late], seen.route, seen.phases)
    assert numbers(with_them, step_s=10).failed_requests == 1


def test_a_step_that_stood_too_long_is_not_a_longer_hold() -> None:
    """What a step stood beyond its interval counts against the machinery."""
    assert numbers(good(), step_s=6).step_holds_s == 30.0


def test_the_end_waits_for_the_last_answer_of_the_other_version() -> None:
    """A route that is home while users still get the bad version is not the end."""
    seen = bad()
    straggler = UserRequest(6.9, 1500, 500, NEW, "")
    late = Seen(NEW, 0.0, [*seen.requests, straggler], seen.route, seen.phases)
    assert end_of(late) == pytest.approx(8.4)


def test_a_route_that_left_again_is_not_home() -> None:
    """Only the last way home counts, and none while the route is away."""
    seen = bad()
    again = [*seen.route, RoutePoint(9.0, 90, 10)]
    away = Seen(NEW, 0.0, seen.requests, again, seen.phases)
    assert end_of(away) is None
    assert end_of(Seen(NEW, 0.0, seen.requests, [*again, RoutePoint(11.0, 100, 0)], seen.phases)) == 11.0
    with pytest.raises(ValueError, match="has not ended"):
        numbers(away, step_s=10)


def test_traffic_from_before_the_push_is_not_the_first() -> None:
    """A version that was in front of users before is not taken for the new delivery's."""
    assert first_traffic(Seen(NEW, 10.0, answers(NEW, 0, 5), [HOME_BEFORE], [])) is None


@pytest.mark.parametrize("seen", [good(), bad(), never_ready()], ids=["good", "bad", "never ready"])
def test_it_is_settled_only_when_decided_and_quiet(seen: Seen) -> None:
    """Not before the quiet time is over, and not while the Canary has not reached a final phase."""
    end = end_of(seen)
    assert end is not None
    assert is_settled(seen, end + SETTLE_S)
    assert not is_settled(seen, end + SETTLE_S - 0.1)
    undecided = Seen(seen.version, seen.pushed, seen.requests, seen.route, seen.phases[:-1])
    assert not is_settled(undecided, end + SETTLE_S)


def test_the_final_version_is_the_latest_answer_not_the_latest_line() -> None:
    """A slow answer that was asked for early may be the last; a failure without a version says nothing."""
    slow = UserRequest(1.0, 5000, 200, NEW, "")
    users = [slow, UserRequest(5.0, 1, 200, OLD, ""), UserRequest(7.0, 1, 503, "", "")]
    assert final_version(Seen(NEW, 0.0, users, [], [])) == NEW
