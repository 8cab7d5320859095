"""Where manifests come from, one file a kind of source."""
