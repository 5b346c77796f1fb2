"""Where rows come from: sentence pairs and tagged sentences, read from the files of XTREME, from
the hub and clones of it, or from tables and texts of your own.

>>> from salt_lib.data.benchmarks import task
>>> from salt_lib.data.examples import Pairs
>>> pairs = Pairs(["it rains", "a dog"], ["it rests", "it dries"], [0, 2])
>>> pairs.take([1]).second
['it dries']
>>> task("udpos").labels[:3]
('ADJ', 'ADP', 'ADV')

Chapters: At paper scale; Reproduce, change, extend.
"""
