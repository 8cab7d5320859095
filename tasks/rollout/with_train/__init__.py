"""What a rollout does with the train that its service belongs to."""
