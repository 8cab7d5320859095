"""CODEOWNERS as GitHub's and GitLab's documentation have it; the examples are theirs."""

from __future__ import annotations

import pytest

from sluice.flags.audit.owners import owners

GITHUB = r"""
# docs.github.com/repositories: about code owners
*       @global-owner1 @global-owner2
*.js    @js-owner #This is an inline comment.
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/* docs@example.com
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @octolog
/apps/ @octocat
/apps/github
/path\ with\ space/ @spacy
\#notes.md @hash
"""
GITLAB = r"""
* @everybody
[Documentation] @docs-team
docs/
README.md @readme
^[Optional] @maybe
*.rb
[Database][2]
model/db/ @dba @dba/team
!model/db/generated.sql
[documentation]
/ee/docs/ @ee-docs
"""


@pytest.mark.parametrize(
    ("path", "who"),
    [
        ("Makefile", "@global-owner1 @global-owner2"),
        ("src/app.js", "@js-owner"),
        ("main.go", "docs@example.com"),
        ("a/b.txt", "@octo-org/octocats"),
        ("build/logs/today", "@octolog"),
        ("docs/getting-started.md", "@doctocat"),
        ("apps/web/a", "@octocat"),
        ("apps/github/a.rs", ""),
        ("deeply/nested/logs/x", "@octolog"),
        ("path with space/x", "@spacy"),
        ("#notes.md", "@hash"),
    ],
)
def test_github(path: str, who: str) -> None:
    """The last line that matches wins, also one that names nobody."""
    found = owners(GITHUB).of(path)
    assert found == tuple(who.split())


def test_a_star_below_a_folder_is_about_its_own_files_only() -> None:
    """`docs/*` is not about docs/build-app/troubleshooting.md."""
    found = owners("docs/* @writers\n")
    assert found.of("docs/a.md") == ("@writers",)
    assert found.of("docs/build-app/troubleshooting.md") == ()


@pytest.mark.parametrize(
    ("path", "who"),
    [
        ("main.c", "@everybody"),
        ("docs/a.md", "@everybody @docs-team"),
        ("README.md", "@everybody @readme"),
        ("x/y.rb", "@everybody @maybe"),
        ("model/db/x.sql", "@everybody @dba @dba/team"),
        ("model/db/generated.sql", "@everybody"),
        ("ee/docs/x", "@everybody @ee-docs"),
    ],
)
def test_gitlab(path: str, who: str) -> None:
    """Each section has a word of its own; a line without owners has its section's; sections of one name are one."""
    found = owners(GITLAB).of(path)
    assert set(found) == set(who.split())


def test_no_text_makes_it_slow_or_raise() -> None:
    """It is untrusted."""
    stars = "/".join(["**"] * 60) + "a" + "*" * 200
    found = owners(f"{stars} @x\n[\n[]\n!\n/ @root\n\\ @y\n@only-owner\n*** @z\n")
    assert isinstance(found.of("a/" * 500 + "b"), tuple)
