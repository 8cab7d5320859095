"""How sluice runs: settings, wiring, worker, receiver, watcher, automations and the command line."""
