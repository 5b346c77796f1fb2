"""SALT itself: the words of each language, distillation, code-switching and mixup, the controls,
the table of methods, and what plugs into somebody else's training.

Chapters: Distillation; Augmentation; Ablations and controls.
"""
