"""How a revision of a source becomes the state of the cluster: what is due, in which order, what leaves."""
