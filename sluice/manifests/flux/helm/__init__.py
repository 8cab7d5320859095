"""Flux's kinds around Helm: releases, and where their charts come from."""
