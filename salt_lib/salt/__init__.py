"""SALT itself: the words of each language, distillation, code-switching and mixup, the controls,
the table of methods, and what plugs into somebody else's training.

>>> import torch
>>> from salt_lib.salt.augment import mixup
>>> from salt_lib.salt.methods import METHODS
>>> dog, hund = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
>>> mixup(dog, hund, torch.tensor(0.75))
tensor([0.7500, 0.2500])
>>> METHODS["code-switch"].mixup, METHODS["salt"].mixup
(None, 'vector')

Chapters: Distillation; Augmentation; Ablations and controls.
"""
