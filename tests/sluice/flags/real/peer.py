"""Piranha (polyglot-piranha) on the plants in Go: `python -m tests.sluice.flags.real.peer 100`. A reading, no test.

It has rules of its own for Go once a call is known to be true or false; all that it is given is how a planted call looks. It
knows no call that gives an error, too: such plants stay. Each flag is removed in a process of its own, for it may end it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from lab import paths
from lab.programs import cache, toolchain
from tests.sluice.flags.planting import planted
from tests.sluice.flags.real.bases import BASES

VERSION = "0.4.9"
WITHIN_S = 120
WORKER = r"""
import json, sys
from polyglot_piranha import PiranhaArguments, Rule, RuleGraph, execute_piranha
job = json.load(sys.stdin)
call = '^planted\\\\.Client\\\\.Boolean\\\\(planted\\\\.Ctx, \\"%s\\", false, nil\\\\)$'
query = '((call_expression) @c (#match? @c "' + call + '"))'
rule = Rule(name="flag", query=query % job["key"], replace_node="c", replace=job["value"],
            groups={"replace_expression_with_boolean_literal"}, is_seed_rule=True)
found = execute_piranha(PiranhaArguments(language="go", code_snippet=job["text"],
    rule_graph=RuleGraph(rules=[rule], edges=[]), substitutions={}))
print("\n" + json.dumps(found[0].content if found else job["text"]))
"""


def main(number: int) -> None:
    """Removed one flag after the other; then each file against what it was, and all of it compiled."""
    base = BASES["go"]
    place = paths.cache_root() / f"piranha-{VERSION}"
    cache.made_once(place, lambda folder: toolchain.pip_install(folder, f"polyglot-piranha=={VERSION}"))
    texts = {path: text for path, text in base.texts().items() if base.sources(path, text)}
    now, plants = planted(texts, base.shapes, base.imported, number, 7)
    found: Counter[str] = Counter()
    for plant in plants:
        before = now[plant.path]
        now[plant.path] = _removed(before, plant.key, plant.shape.value, place) or before
        gone = f'"{plant.key}"' not in now[plant.path]
        found[f"{plant.shape.name}: {'the call went' if gone else 'nothing'}"] += 1
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "work"
        shutil.copytree(base.folder(), work)
        path, text = base.served(plants)
        (work / path).parent.mkdir()
        (work / path).write_text(text)
        for path, text in now.items():
            # An import that nothing uses is not Piranha's matter: what Go's own tool would do is done for it.
            used = "planted." in text
            (work / path).write_text(text if used else text.replace('\t"k8s.io/apimachinery/planted"\n', "", 1))
        subprocess.run([toolchain.go_binary().parent / "gofmt", "-w", "."], cwd=work, check=False, timeout=WITHIN_S)
        alike = [path for path in now if (work / path).read_text() == texts[path]]
        print(dict(sorted(found.items())))
        print(f"{len(alike)} of {len(now)} files are what they were, once gofmt has been over them")
        print(base.checked(work)[:3000])


def _removed(text: str, key: str, value: str, place: Path) -> str | None:
    done = subprocess.run(
        [sys.executable, "-c", WORKER],
        input=json.dumps({"text": text, "key": key, "value": value}),
        env={**os.environ, "PYTHONPATH": str(place)},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    if done.returncode:
        print(f"{key} ended its process: {done.stderr.strip()[-200:]}")
        return None
    return str(json.loads(done.stdout.strip().splitlines()[-1]))


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 100)
