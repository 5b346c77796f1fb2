"""Many runs: which there are, where they are made and stored, what made them, the frozen tables,
and the statistics with the words that they allow.

Chapters: Training over 15 seeds; Results and t-tests.
"""
