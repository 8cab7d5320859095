"""How forges show that a version is released, one file each."""
