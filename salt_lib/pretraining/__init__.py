"""Making a small BERT from monolingual text: tokenizer, masked words and next sentences, the loop.

Chapter: The laboratory.
"""
