"""Services that are asked whether a release may go on."""
