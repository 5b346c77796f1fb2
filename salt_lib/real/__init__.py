"""The same study on real models and real text: setup, runs, costs, predictions and scores; and the
figures that others have published.

>>> from salt_lib.real.outcomes import gain, part, targets
>>> udpos = part("udpos")
>>> test = gain(udpos, "salt", "baseline", targets(udpos))
>>> len(targets(udpos)), test.n, f"{100 * test.difference:+.2f}"
(15, 6, '+0.05')

Chapters: At paper scale; Zero-shot transfer, and what SALT claims.
"""
