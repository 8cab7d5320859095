"""Synthetic repositories: code in four languages, a little of it asking for flags, in bare repositories of real git."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

LINES = 250
"""Of one file."""
PYTHON = """\
def work_{at}(cart, user):
    total = sum(item.price * item.count for item in cart)
    if total > {at}:
        log.info("large cart of %s", user)
    return total + {at}

"""
GO = """\
func work{at}(cart Cart, user string) int {{
\ttotal := 0
\tfor _, item := range cart.Items {{
\t\ttotal += item.Price * item.Count
\t}}
\treturn total + {at}
}}

"""
TYPESCRIPT = """\
export function work{at}(cart: Cart, user: string): number {{
  let total = 0;
  for (const item of cart.items) {{
    total += item.price * item.count;
  }}
  return total + {at};
}}

"""
JAVA = """\
  public int work{at}(Cart cart, String user) {{
    int total = 0;
    for (Item item : cart.items()) {{
      total += item.price() * item.count();
    }}
    return total + {at};
  }}

"""
ASKS_PYTHON = """\
def flagged_{at}(cart):
    if client.get_boolean_value('{key}', False):
        return new_{at}(cart)
    return cart

"""
ASKS_GO = """\
func flagged{at}(ctx context.Context) bool {{
\tv, _ := client.BooleanValue(ctx, "{key}", false, of.EvaluationContext{{}})
\treturn v
}}

"""
ASKS_TYPESCRIPT = """\
export async function flagged{at}() {{
  if (await client.getBooleanValue('{key}', false)) {{
    return 1;
  }}
  return 2;
}}

"""
ASKS_JAVA = """\
  public boolean flagged{at}() {{
    return client.getBooleanValue("{key}", false);
  }}

"""
HEAD_PYTHON = """\
from openfeature import api

client = api.get_client()


"""
HEAD_GO = """\
package shop

import (
\t"context"

\tof "github.com/open-feature/go-sdk/openfeature"
)

var client = of.NewClient("shop")

"""
HEAD_TYPESCRIPT = """\
import {{ OpenFeature }} from '@openfeature/server-sdk';

const client = OpenFeature.getClient();

"""
HEAD_JAVA = """\
package shop;

import dev.openfeature.sdk.Client;

class Shop{at} {{
  private final Client client;

"""
FLAGGED = {"py": ASKS_PYTHON, "go": ASKS_GO, "ts": ASKS_TYPESCRIPT, "java": ASKS_JAVA}
HEADS = {"py": HEAD_PYTHON, "go": HEAD_GO, "ts": HEAD_TYPESCRIPT, "java": HEAD_JAVA}
BODIES = {"py": PYTHON, "go": GO, "ts": TYPESCRIPT, "java": JAVA}


def text(language: str, at: int, keys: list[str]) -> str:
    """One file, with a function for each key."""
    head = HEADS[language]
    parts = [head.format(at=at) if language in {"ts", "java"} else head]
    parts += [FLAGGED[language].format(at=f"{at}x{number}", key=key) for number, key in enumerate(keys)]
    lines, number = sum(part.count("\n") for part in parts), 0
    while lines < LINES:
        body = BODIES[language].format(at=at * 100 + number)
        parts.append(body)
        lines += body.count("\n")
        number += 1
    return "".join(parts) + ("}\n" if language == "java" else "")


def files(repository: int, lines: int, keys: list[str], seed: int) -> Iterator[tuple[str, str]]:
    """Path and text of each file of a repository; one in ten asks for flags, each key twice."""
    count, languages, by_chance = max(1, lines // LINES), list(BODIES), random.Random(seed * 1000 + repository)
    asking: dict[int, list[str]] = {}
    for key in keys * 2:
        asking.setdefault(by_chance.randrange(max(1, count // 10)) * 10 % count, []).append(key)
    for at in range(count):
        language = languages[(at // 10 + repository) % len(languages)]
        name = f"Shop{at}.java" if language == "java" else f"shop_{at}.{language}"
        yield f"services/part_{at % 20}/{name}", text(language, at, asking.get(at, []))
    if repository % 10:
        yield "CODEOWNERS", f"* @team-{repository % 7}\n/services/part_3/ @ann\n"


def make(folder: Path, repository: int, lines: int, keys: list[str], seed: int) -> Path:
    """A bare repository with one commit; its folder."""
    place = folder / f"repository-{repository}.git"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(place)], check=True)
    parts = [b"commit refs/heads/main\ncommitter Ann <ann@example.com> 1700000000 +0000\ndata 4\nmade\n"]
    for path, content in files(repository, lines, keys, seed):
        raw = content.encode()
        parts.append(f"M 100644 inline {path}\ndata {len(raw)}\n".encode() + raw + b"\n")
    subprocess.run(["git", "fast-import", "--quiet"], cwd=place, input=b"".join(parts), check=True)
    return place
