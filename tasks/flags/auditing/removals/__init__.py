"""What becomes of removals: proposed, closed, merged, and the flag archived at the end."""
