"""The stages of a flag audit: scan, ask, judge, own, propose, archive, report."""
