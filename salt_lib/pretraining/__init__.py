"""Making a small BERT from monolingual text: tokenizer, masked words and next sentences, the loop.

>>> from salt_lib.pretraining.wordpiece import train_tokenizer
>>> texts = {"en": ["the dog sleeps"] * 9, "de": ["der Hund"] * 9}
>>> train_tokenizer(texts, 100).tokenize("the Hund sleeps")
['the', 'Hund', 'sleeps']

Chapter: The laboratory.
"""
