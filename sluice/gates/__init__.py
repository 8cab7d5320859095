"""Gates: where in a rollout the user's services are asked, and what their answers mean."""
