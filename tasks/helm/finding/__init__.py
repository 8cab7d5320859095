"""Finds releases that are to be looked at: their time is over, or their charts moved."""
