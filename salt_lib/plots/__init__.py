"""What the pages show: a module of figures for a chapter, tables, words in any script, and the map
of the library.

>>> from salt_lib.plots.html import word
>>> from salt_lib.plots.style import names
>>> word("کتا", "ur")
'<span class="rtl" lang="ur" dir="rtl">کتا</span>'
>>> names(["de", "sw"])
['German', 'Swahili']

Chapter: all of them.
"""
