"""Who may act: leases of rollouts and of workers."""
