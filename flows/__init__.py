"""The story of each delivery, one file a flow: nothing but orchestration."""
