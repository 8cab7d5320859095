"""Reading what a release is judged by."""
