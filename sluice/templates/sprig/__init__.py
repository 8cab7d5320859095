"""The functions of the sprig library that Flux offers in its templates: those that always give the same answer."""
