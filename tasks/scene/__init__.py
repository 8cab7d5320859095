"""What every stage of a rollout stands on: the Canary, its lease, its objects, a look at them."""
