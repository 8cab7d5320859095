"""The chapter on Gates: a release that is frozen, tested end to end, and approved before it is promoted."""
