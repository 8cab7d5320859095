"""The comparison with a baseline: samples, ranks and the score."""
