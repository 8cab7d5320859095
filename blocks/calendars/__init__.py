"""Calendars of others: fetched within limits, and read in a process that ends when it takes too long."""
