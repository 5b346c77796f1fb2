"""Any checkpoint's tokenizer and encoder: text as arrays of token ids, a fresh classifier on top,
two layers fused, and what was trained kept in a folder.

Chapters: Training over 15 seeds; Feature aggregation.
"""
