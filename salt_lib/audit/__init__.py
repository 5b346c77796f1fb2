"""The claims that this study began with, each beside what was found; and attacks on the study.

Chapters: Claim audit; Feature aggregation; How this result came about.
"""
