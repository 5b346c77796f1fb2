"""The study of programs: questions in all languages, the programs that answer them, and what helps
poor languages more, text or a larger model.

>>> import numpy as np
>>> from salt_lib.laboratory.minibabel.facts import World
>>> from salt_lib.laboratory.programs.interpreter import execute
>>> from salt_lib.laboratory.programs.language import parse
>>> table = World(0).sample(np.random.default_rng(0), 1000)
>>> execute(parse("total agent where agent=animal"), table[None])
(2656,)
>>> more = parse("total agent where agent=dog > total agent where agent=cat")
>>> execute(more, table[None])
(True,)

Chapter: Programs.
"""
