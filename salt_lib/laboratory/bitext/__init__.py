"""The study of bitext: what alignment tasks on subwords do in pretraining, for poor languages.

Chapter: Bitext.
"""
