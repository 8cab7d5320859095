"""Many rollouts at once: real API server, controllers, gateway and Prometheus; pods and users' requests are played.

`python -m bench.scale` (or `make bench-scale`) measures from outside, by watching routes and Canaries and by asking the
kernel, the API server and Prometheus what sluice cost them.
"""
