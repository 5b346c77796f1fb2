"""How fast the study is and what memory it takes, beside what a user would pick instead.

``make bench`` measures everything on this machine, prints a table and writes
``recorded/benchmarks.json``, from which the book's page on speed is made.
"""
