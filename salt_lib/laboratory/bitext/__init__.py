"""The study of bitext: what alignment tasks on subwords do in pretraining, for poor languages.

>>> from salt_lib.laboratory.bitext.pairs import bitext
>>> from salt_lib.laboratory.bitext.retrieval import accuracy
>>> told = bitext(world=0, count=100)
>>> told.codes[0], told.first[0], told.second[0]
('ar', 'the cook build 100 student in the school Sofia', 'بنى طباخ 100 طالب في مدرسة Sofia')
>>> accuracy([[1.0, 0.0], [0.0, 1.0]], [[0.9, 0.1], [0.8, 0.1]])
1.0

Chapter: Bitext.
"""
