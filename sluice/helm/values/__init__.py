"""The values of a release: read, composed and known again."""
