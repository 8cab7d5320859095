"""Programs that make manifests of a source, one file each."""
