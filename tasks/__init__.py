"""The stages of a delivery as retryable side effects, one file a stage."""
