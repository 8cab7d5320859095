"""The judges that are compared: sluice's, Flagger's and Argo Rollouts' rules, and what sluice's could be."""
