"""Many runs: which there are, where they are made and stored, what made them, the frozen tables,
and the statistics with the words that they allow.

>>> from salt_lib.study.stats import compare, holm
>>> test = compare([0.62, 0.64, 0.63, 0.66], [0.60, 0.61, 0.62, 0.61])
>>> round(test.difference, 4), round(test.p, 3)
(0.0275, 0.049)
>>> holm([0.01, 0.04, 0.03]).tolist()
[0.03, 0.06, 0.06]

Chapters: Training over 15 seeds; Results and t-tests.
"""
