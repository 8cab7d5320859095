"""The image of sluice, built from its Dockerfile without a container engine.

What the Dockerfile says is done line by line, in a folder that becomes the root for it. One thing differs from an engine's
build: the stage `base` is this machine's Python, git and libraries, since no public image can be had here.
"""
