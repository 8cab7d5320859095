"""What is measured: series, counts, objectives, gauges, and what the user's own queries say."""
