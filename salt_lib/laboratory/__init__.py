"""The study in a small world: its tasks, checkpoints and runs, the tuning world, and what only a
laboratory can measure, because it knows every translation.

Chapters: The laboratory; Distillation; Feature aggregation.
"""
