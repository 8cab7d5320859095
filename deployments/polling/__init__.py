"""Looking at what nobody reports: registries and git servers, at the intervals of those who watch them or sooner."""
