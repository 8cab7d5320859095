"""The one error that the lab raises on purpose.

Its message is written for the person at the terminal: what is wrong, and the way out.
"""

from __future__ import annotations


class LabError(Exception):
    """The lab cannot go on; the message says why and what to do."""
