"""One run: its settings, what it draws at random, the loop, evaluation, the device, and what an
interrupted run goes on from.

Chapters: Training over 15 seeds; Speed and memory.
"""
