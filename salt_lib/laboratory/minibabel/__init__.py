"""Minibabel, a world of facts and the languages that they are told in: lexicon, grammar, corpora,
and the views of facts that are tasks.

Chapter: The laboratory.
"""
