"""The one keeper of processes: daemons that outlive the command that starts them, and programs that end with it."""
