"""The demonstration behind `make demo`: four releases under load, measured from the users' side.

What counts is what users get and where the route points. So everything is measured by the load generator and by
watches on the cluster, never by what sluice says about itself; only the *reason* of a verdict is quoted from it.
"""
