"""The study of programs: questions in all languages, the programs that answer them, and what helps
poor languages more, text or a larger model.

Chapter: Programs.
"""
