"""Minibabel, a world of facts and the languages that they are told in: lexicon, grammar, corpora,
and the views of facts that are tasks.

>>> from salt_lib.laboratory.minibabel.facts import Fact
>>> from salt_lib.laboratory.minibabel.grammar import sentence
>>> fact = Fact("dog", "see", "cat", preposition="near", place="river")
>>> for code in ("en", "de", "tr", "zh"):
...     print(sentence(fact, code))
the dog see the cat near the river
der Hund sehen der Katze nahe der Fluss
köpek nehir yakınında kedi görmek
狗 靠近 河 看见 猫

Chapter: The laboratory.
"""
