"""The audit trail: what sluice itself writes into it, and how it leaves the cluster."""
