"""Any checkpoint's tokenizer and encoder: text as arrays of token ids, a fresh classifier on top,
two layers fused, and what was trained kept in a folder.

>>> from salt_lib.data.examples import Pairs
>>> from salt_lib.laboratory.checkpoints import checkpoint
>>> from salt_lib.models import encoding, loading
>>> tokenizer = loading.tokenizer(checkpoint(0))
>>> pairs = Pairs(["the dog sleeps"], ["a dog"], [0])
>>> rows = encoding.encode(tokenizer, pairs)
>>> tokenizer.convert_ids_to_tokens(rows.row(0))[:7]
['[CLS]', 'the', 'dog', 's', '##le', '##ep', '##s']
>>> rows.whole.tolist()[:7]  # complete words, which can be replaced
[False, True, True, False, False, False, False]

Chapters: Training over 15 seeds; Feature aggregation.
"""
