"""Where rows come from: sentence pairs and tagged sentences, read from the files of XTREME, from
the hub and clones of it, or from tables and texts of your own.

Chapters: At paper scale; Reproduce, change, extend.
"""
