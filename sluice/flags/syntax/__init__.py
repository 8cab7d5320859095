"""One engine for the languages that are read as syntax trees: flags are found in them and removed by local rewrites.

A call whose answer is known is replaced by a mark (`marks.py`); rules move the mark outwards, one small rewrite at a time,
until it has become a branch that is taken, a statement that is gone, or a literal. What a language looks like is data
(`facts.py`).
"""
