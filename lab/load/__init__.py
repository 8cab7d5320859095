"""Users of the sample application: a program that sends requests on a schedule, and the reading of what they got."""
