"""Pictures of what happened, as SVG."""
