"""The study in a small world: its tasks, checkpoints and runs, the tuning world, and what only a
laboratory can measure, because it knows every translation.

>>> from salt_lib.laboratory.quality import verdict
>>> from salt_lib.laboratory.tasks import load
>>> test = load("mini-xnli", "test", "sw")
>>> test.first[0]
'mwindaji bluu kukirihi tembo 100 katika kiwanda na Elif'
>>> verdict("dog", "Hund", "de"), verdict("dog", "Katze", "de")
('right', 'co-hyponym')

Chapters: The laboratory; Distillation; Feature aggregation.
"""
