"""What sluice may do in a cluster, and why: the one table that manifests, documents and `sluice doctor` come from."""
