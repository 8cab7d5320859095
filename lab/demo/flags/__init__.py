"""The demo's chapter on feature flags: one that is switched off in a release, and one that leaves the code."""
