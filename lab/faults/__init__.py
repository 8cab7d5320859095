"""The fault suite behind `make faults`: rollouts on the real lab, hit by seeded faults, watched by an observer.

The installation under test is run as a user runs it, part by part, by its command line. Between it and the API server, and
between it and Prometheus, stand proxies that fail on request and know at which act a worker stands. The observer, the laws
and the proxies share no code with sluice: they judge by what is in the cluster and by what users got.
"""
