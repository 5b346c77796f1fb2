"""The command line, `salt`: a module for each group of commands.

Chapter: Reproduce, change, extend.
"""
