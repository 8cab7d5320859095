"""Rules of releases made by helm: what is in its storage, what is wanted, and what comes next."""
