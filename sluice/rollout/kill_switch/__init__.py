"""The kill switch: flags that came with a revision are turned off before the revision is rolled back."""
