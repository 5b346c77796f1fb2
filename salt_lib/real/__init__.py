"""The same study on real models and real text: setup, runs, costs, predictions and scores; and the
figures that others have published.

Chapters: At paper scale; Zero-shot transfer, and what SALT claims.
"""
