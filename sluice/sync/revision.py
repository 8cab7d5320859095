"""Revisions of a source as Flux writes them: `main@sha1:8084f1bb…`, and `sha1:8084f1bb…` without a reference."""

from __future__ import annotations


def revision(reference: str, commit: str) -> str:
    """The revision of a commit that a reference names, or none; the hash's length tells its kind."""
    return f"{reference}{'@' if reference else ''}{'sha256' if len(commit) == 64 else 'sha1'}:{commit}"


def commit_of(text: str) -> str:
    """The commit of a revision; empty where there is none."""
    kind, colon, digest = text.rpartition("@")[2].partition(":")
    return digest if colon and kind in {"sha1", "sha256"} else ""
