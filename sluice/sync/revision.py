"""Revisions of a source as Flux writes them: `main@sha1:8084f1bb…`."""

from __future__ import annotations


def revision(branch: str, commit: str) -> str:
    """The revision of a commit on a branch; the hash's length tells its kind."""
    return f"{branch}@{'sha256' if len(commit) == 64 else 'sha1'}:{commit}"


def commit_of(text: str) -> str:
    """The commit of a revision; empty where there is none."""
    _, at, digest = text.rpartition("@")
    return digest.partition(":")[2] if at else ""
