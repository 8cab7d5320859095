"""The sample application that the lab delivers: its program, its image variants, and its manifests as users write them."""
