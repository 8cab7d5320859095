"""The findings in SARIF 2.1.0, for code scanning: a rule for each finding, a result for each flag that has one."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from sluice.flags.audit.findings.table import BY_NAME, FINDINGS
from sluice.flags.audit.finished import At, Finished, Row

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
Json = dict[str, Any]


def sarif(finished: Finished, version: str, repositories: Iterable[str] | None = None) -> Json:
    """One run for each repository with places, as code scanning takes one repository's at a time.

    Args:
        finished: the audit.
        version: of sluice.
        repositories: only these; None for all.
    """
    named = sorted({place.repository for row in finished.rows for place in row.places})
    wanted = named if repositories is None else [name for name in named if name in set(repositories)]
    return _file(_run(finished, version, name) for name in wanted)


def of_repository(finished: Finished, version: str, repository: str) -> Json:
    """One run about one repository, also where nothing is there: what was shown of it before is closed by that."""
    return _file([_run(finished, version, repository)])


def _file(runs: Iterable[Json]) -> Json:
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": list(runs)}


def _run(finished: Finished, version: str, repository: str) -> Json:
    shown = [one for one in FINDINGS if one.level != "none"]
    index = {one.name: at for at, one in enumerate(shown)}
    rules = [
        {
            "id": f"flag/{one.name}",
            "name": "".join(part.capitalize() for part in one.name.split("-")),
            "shortDescription": {"text": one.name.replace("-", " ")},
            "fullDescription": {"text": one.said},
            "defaultConfiguration": {"level": one.level},
        }
        for one in shown
    ]
    return {
        "tool": {"driver": {"name": "sluice", "semanticVersion": version, "rules": rules}},
        "automationDetails": {"id": f"sluice-flags/{finished.audit}/{repository}/"},
        "originalUriBaseIds": {"ROOT": {"description": {"text": f"root of {repository}"}}},
        "columnKind": "unicodeCodePoints",
        "results": list(_results(finished, repository, index)),
    }


def _results(finished: Finished, repository: str, index: dict[str, int]) -> Iterator[Json]:
    seen: Counter[str] = Counter()
    for row in finished.stale:
        for place in row.places:
            if place.repository == repository:
                mark = f"{row.flag}\0{row.finding}\0{place.path}\0{place.call}"
                seen[mark] += 1
                yield _result(finished, row, place, index[row.finding], f"{mark}\0{seen[mark]}")


def _result(finished: Finished, row: Row, place: At, index: int, mark: str) -> Json:
    finding = BY_NAME[row.finding]
    location = {
        "artifactLocation": {"uri": quote(place.path), "uriBaseId": "ROOT"},
        "region": {"startLine": place.line, "startColumn": place.column},
    }
    return {
        "ruleId": f"flag/{finding.name}",
        "ruleIndex": index,
        "level": finding.level,
        "message": {"text": sentence(row, finished)},
        "locations": [{"physicalLocation": location}],
        # Not by line: an alert stays what it is while code moves around it. Two of one file differ by their order.
        "partialFingerprints": {"sluiceFlag/v1": hashlib.sha256(mark.encode()).hexdigest()[:32]},
        "properties": {"flag": row.flag, "owners": list(place.owners)},
    }


def sentence(row: Row, finished: Finished) -> str:
    """What was found of a flag, with how long it has been so and who says that."""
    days = row.days(finished.at)
    since = "" if days is None else f" for {days} days{_by(row)}"
    value = f" ({row.value})" if row.value else ""
    why = f" {row.why[0].upper()}{row.why[1:]}." if row.why else ""
    return f"{row.flag}: {row.finding.replace('-', ' ')}{value}{since}.{why} {BY_NAME[row.finding].said}"


def _by(row: Row) -> str:
    return ", by the audit's own record" if row.said_by == "audit" else ""
