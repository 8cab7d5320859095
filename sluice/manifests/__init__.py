"""The manifests that users write, as models: one source for validation, CRD schemas and documentation."""
