"""The kill switch of a release: name the flags that came with it, turn them off, watch, and give them back."""
