"""The load is what was asked for, and the same for the same seed."""

from __future__ import annotations

import pytest

from bench.scale.load import PER_NAMESPACE, Load, namespace_of, namespaces


def test_the_same_seed_gives_the_same_releases() -> None:
    assert Load(n=200, seed=7).releases() == Load(n=200, seed=7).releases()
    assert Load(n=200, seed=7).releases() != Load(n=200, seed=8).releases()


def test_a_burst_releases_every_canary_once_evenly_over_the_stagger() -> None:
    releases = Load(n=100, stagger_s=10).releases()

    assert sorted(one.canary for one in releases) == list(range(100))
    assert [one.at for one in releases] == pytest.approx([index * 0.1 for index in range(100)])


def test_sustained_releases_go_round_with_a_new_version_each_time() -> None:
    releases = Load(n=50, per_minute=120, minutes=2).releases()

    assert len(releases) == 240
    assert releases[-1].at == pytest.approx(120, abs=1)
    of_first = [one.version for one in releases if one.canary == 0]
    assert of_first == list(range(2, 2 + len(of_first)))


def test_about_the_asked_share_of_releases_is_bad() -> None:
    bad = [one for one in Load(n=2000, bad_share=0.1, bad_errors=0.3).releases() if one.errors]

    assert 150 < len(bad) < 250
    assert {one.errors for one in bad} == {0.3}


def test_every_canary_lies_in_one_of_the_namespaces() -> None:
    n = 2 * PER_NAMESPACE + 1

    assert {namespace_of("b", index) for index in range(n)} == set(namespaces("b", n))
    assert len(namespaces("b", n)) == 3
