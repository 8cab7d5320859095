"""A stand-in for servers of feature flags: Flipt's v1 and v2 APIs, its evaluation, and OFREP."""
