"""The claims that this study began with, each beside what was found.

Chapters: Claim audit; Feature aggregation.
"""
