"""The rules of a delivery, pure: manifests, phases, decisions, verdicts, image policies, events, errors.

Nothing here does I/O or reads a clock; time comes in as a number, the outside world as an observation. That is what makes
each rule testable in microseconds and a past decision replayable.
"""
