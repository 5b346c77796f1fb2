"""The study of pictures: captions in English, pictures of facts, and retrieval in all languages.

>>> from salt_lib.laboratory.minibabel.facts import Fact
>>> from salt_lib.laboratory.minibabel.pictures import draw
>>> from salt_lib.laboratory.pictures.retrieval import measures
>>> draw(Fact("dog", "see", "cat", agent_adjective="white"), seed=0).shape
(48, 48, 3)
>>> pictures, texts = [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.1], [0.9, 0.1]]
>>> measures(pictures, texts)["to text"]["R@1"]
0.5

Chapter: Pictures.
"""
