"""The study of intermediate tasks: what is trained between pretraining and English `mini-xnli`.

Chapter: Intermediate tasks.
"""
