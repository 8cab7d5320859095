"""What judges sluice from outside: the observer, what it saw, and the laws that must hold."""
