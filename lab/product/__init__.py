"""sluice as its users have it: started in the lab, with an application, and measured from the users' side.

What counts is what users get and where the route points. So everything is measured by the load generator and by
watches on the cluster, never by what sluice says about itself; only the *reason* of a verdict is quoted from it.
"""
