"""Ask something of releases for somebody: one way for a terminal, chat, and Prefect's UI."""
