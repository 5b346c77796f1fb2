"""The claims that this study began with, each beside what was found; and attacks on the study.

>>> from salt_lib.audit.claims import outcome, read
>>> read().statement.tolist()[:3]
['S1', 'S2', 'S3']
>>> outcome(["higher", "higher"])
'seen here'

Chapters: Claim audit; Feature aggregation; How this result came about.
"""
