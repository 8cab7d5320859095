"""The gate API of Flagger's load tester, served by sluice: its state outlives restarts, and who opens shows a token."""
