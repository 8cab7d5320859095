"""Judging recorded and past releases once more: recordings, judges, what other settings would have said."""
