"""Label selectors as Kubernetes writes them in one line: `team=shop,tier in (web, api),!legacy`.

Grammar: `k8s.io/apimachinery/pkg/labels`, without `>` and `<`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sluice.errors import InvalidError

_TERM = re.compile(
    r"\s*(?:(?P<absent>!)\s*(?P<bare>[\w./-]+)"
    r"|(?P<key>[\w./-]+)(?:\s*(?P<op>==?|!=)\s*(?P<value>[\w.-]*)|\s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?)\s*"
)


@dataclass(frozen=True, slots=True)
class Term:
    """One requirement: whether the label's value is among `values` (any value where that is None), or not."""

    key: str
    values: frozenset[str] | None
    wanted: bool


@dataclass(frozen=True, slots=True)
class Selector:
    """Requirements that labels fulfil together."""

    terms: tuple[Term, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels fulfil all of them; as in Kubernetes, `!=` and `notin` are fulfilled by an absent label."""
        return all(self._fulfilled(term, labels.get(term.key)) for term in self.terms)

    @staticmethod
    def _fulfilled(term: Term, value: str | None) -> bool:
        there = value is not None and (term.values is None or value in term.values)
        return there is term.wanted


def selector(text: str) -> Selector:
    """The selector that a text writes; an empty one selects everything.

    Raises:
        InvalidError: it is none; the message shows where.
    """
    terms, at = [], 0
    while text[at:].strip():
        found = _TERM.match(text, at)
        end = found.end() if found else at
        if found is None or (end < len(text) and text[end] != ","):
            raise InvalidError(f"{text!r} is no label selector at {text[at:]!r}; write for example team=shop,!legacy")
        terms.append(_term(found))
        at = end + 1
        if end < len(text) and not text[at:].strip():
            raise InvalidError(f"{text!r} is no label selector: it ends with a comma")
    return Selector(tuple(terms))


def _term(found: re.Match[str]) -> Term:
    if found["absent"]:
        return Term(found["bare"], None, wanted=False)
    if found["op"]:
        return Term(found["key"], frozenset({found["value"]}), wanted=found["op"] != "!=")
    if found["set"]:
        values = frozenset(each.strip() for each in found["values"].split(","))
        return Term(found["key"], values, wanted=found["set"] == "in")
    return Term(found["key"], None, wanted=True)
