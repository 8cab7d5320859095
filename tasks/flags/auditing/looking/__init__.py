"""What an audit looks at: the service, the repositories, and whose their lines are."""
