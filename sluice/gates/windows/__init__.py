"""When releases may go forward: spans of time by cron expressions and calendars, and whether one of them holds now."""
