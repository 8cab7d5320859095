"""Text inside the strings of a query: what would end the string, or make it unreadable, is escaped."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_ESCAPE = re.compile(
    r"\\(?:[abfnrtv\\'\"]|x[0-9A-Fa-f]{2}|[0-7]{3}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})"
    r"|(?P<alone>\\)|(?P<quote>[\"'])|(?P<control>[\x00-\x1f\x7f])"
)


def in_string(text: str, quote: str = '"') -> str:
    """A text as the inside of a PromQL string that means just it.

    Args:
        quote: what the string stands in.
    """
    plain = text.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return _CONTROL.sub(lambda one: _control(one[0]), plain)


def mended(text: str, quote: str) -> str:
    """A text that a user wrote for the inside of a string, with what no string can hold escaped.

    Flagger puts it in as it is, so people have escaped their variables themselves: what is an escape already stays one.
    """

    def mend(found: re.Match[str]) -> str:
        if found["alone"]:
            return r"\\"
        if found["quote"]:
            return f"\\{quote}" if found["quote"] == quote else found["quote"]
        return _control(found["control"]) if found["control"] else found[0]

    return _ESCAPE.sub(mend, text)


def open_quote(before: str) -> str:
    """The quote of the string that a query is inside of after `before`; empty outside of one."""
    quote, at = "", 0
    while at < len(before):
        sign = before[at]
        if quote and quote != "`" and sign == "\\":
            at += 1
        elif quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'`":
            quote = sign
        elif sign == "#":
            end = before.find("\n", at)
            at = len(before) if end < 0 else end
        at += 1
    return quote


def _control(sign: str) -> str:
    return _NAMED.get(sign, f"\\x{ord(sign):02x}")
