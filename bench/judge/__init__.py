"""The judge against its peers on simulated releases: false rollbacks, seconds to a rollback, cost of a verdict.

Seeded streams of requests (`streams`, `shapes`), the peers' rules from their documented semantics with the search for
their best tuning (`peers`, `tuning`), sluice's rules on thousands of releases at once (`bets`, `sluices`), and ideas
that are not in the product (`candidates`). Simulation, not a cluster: what a cluster adds (propagation, latencies of
providers and controllers) is the same for all and is measured elsewhere.
"""
