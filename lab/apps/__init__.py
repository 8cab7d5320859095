"""The sample application that the lab delivers: program, image variants, and manifests as users write them."""
