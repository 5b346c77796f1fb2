"""What the pages show: a module of figures for a chapter, tables, words in any script, and the map
of the library.

Chapter: all of them.
"""
