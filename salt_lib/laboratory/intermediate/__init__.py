"""The study of intermediate tasks: what is trained between pretraining and English `mini-xnli`.

>>> import torch
>>> from salt_lib.laboratory.intermediate.choices import entropy, k_centre
>>> entropy(torch.tensor([[0.5, 0.5], [1.0, 0.0]]))
tensor([0.6931, 0.0000])
>>> k_centre(torch.tensor([[0.0], [0.1], [1.0]]), 2).tolist()
[1, 2]

Chapter: Intermediate tasks.
"""
