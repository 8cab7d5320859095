"""From pushed images to commits."""
