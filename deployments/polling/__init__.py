"""Looking at what nobody reports: registries, at the intervals of those who watch them."""
