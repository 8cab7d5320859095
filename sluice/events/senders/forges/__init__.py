"""Forges that report pushes to git, releases and packages: one file for each."""
