"""One run: its settings, what it draws at random, the loop, evaluation, the device, and what an
interrupted run goes on from.

>>> from salt_lib.training.evaluate import tag_f1
>>> from salt_lib.training.loop import pace
>>> [round(pace(step, 100, warmup=0.1), 2) for step in (0, 5, 10, 55)]
[0.0, 0.5, 1.0, 0.51]
>>> round(tag_f1([["B-PER", "O"]], [["B-PER", "B-LOC"]]), 3)
0.667

Chapters: Training over 15 seeds; Speed and memory.
"""
