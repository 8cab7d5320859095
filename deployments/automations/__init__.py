"""Deployments and automations as code: what sluice wants to be in Prefect, and the command that makes it so."""
