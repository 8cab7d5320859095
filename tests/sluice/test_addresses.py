"""Addresses: the user part of an http(s) address is never shown, and is a login where one is needed."""

from __future__ import annotations

import pytest

from sluice.addresses import cleaned, shown, without_login


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://git.example/team/shop", "https://git.example/team/shop"),
        ("https://TOKEN@git.example/team/shop", "https://git.example/team/shop"),
        ("https://user:TOKEN@git.example:8443/x", "https://git.example:8443/x"),
        ("HTTPS://TOKEN@git.example", "HTTPS://git.example"),
        ("http://:TOKEN@git.example/", "http://git.example/"),
        ("https://a%40b:TOK%2FEN@git.example/", "https://git.example/"),
        ("https://me:TO@KEN@git.example/", "https://git.example/"),
        ("https://me:TO/KEN@git.example/x", "https://git.example/x"),
        ("https://[::1]:8080/x@y", "https://[::1]:8080/x@y"),
        ("https://npm.example:8443/@scope/x", "https://npm.example:8443/@scope/x"),
        ("https://npm.example/@scope/x", "https://npm.example/@scope/x"),
        ("https://hooks.example/run?token=TOKEN&a=b", "https://hooks.example/run?…"),
        ("ssh://git@git.example/team/shop", "ssh://git@git.example/team/shop"),
        ("ssh://git:TOKEN@git.example/team/shop", "ssh://git@git.example/team/shop"),
        ("git@git.example:team/shop", "git@git.example:team/shop"),
        ("redis://:TOKEN@redis.example/0", "redis://redis.example/0"),
        ("postgresql+asyncpg://user:TOKEN@db/name", "postgresql+asyncpg://user@db/name"),
        ("", ""),
    ],
)
def test_no_secret_of_an_address_is_shown(address: str, safe: str) -> None:
    """What is left is still the address that a reader knows."""
    assert shown(address) == safe


def test_a_text_of_another_program_is_cleaned_of_all_of_them() -> None:
    """Also where several stand in one line, in quotes."""
    said = "fatal: 'https://TOKEN@a.example/x' and <http://me:TOKEN@b.example>, see https://c.example/@d?e=f"
    assert cleaned(said) == "fatal: 'https://a.example/x' and <http://b.example>, see https://c.example/@d?e=f"


@pytest.mark.parametrize(
    ("address", "bare", "login"),
    [
        ("https://h/x", "https://h/x", None),
        ("https://TOKEN@h/x?y#z", "https://h/x?y#z", ("TOKEN", "")),
        ("https://u:p%40w@h:1/x", "https://h:1/x", ("u", "p@w")),
        ("http://:p@h", "http://h", ("", "p")),
        ("ssh://git:p@h/x", "ssh://git@h/x", None),
        ("https://[bad/x", "https://[bad/x", None),
    ],
)
def test_the_user_part_is_a_login(address: str, bare: str, login: tuple[str, str] | None) -> None:
    """It goes where logins go, in the form that it was meant in, and the rest of the address stays as it was."""
    assert without_login(address) == (bare, login)
