"""The stages of a rollout, one file each."""
