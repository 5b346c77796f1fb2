"""The one exception this library raises on purpose: its message is written for the user.

Chapter: How the code is laid out.
"""

from collections.abc import Iterable


class SaltError(Exception):
    """What was wrong, where (file, line, value), and what to do about it."""


def unknown(kind: str, value: object, known: Iterable[object]) -> SaltError:
    """An error for a name that is not in a table; it lists the names that are.

    >>> str(unknown("language", "xx", ["de", "en"]))
    "unknown language 'xx'; known: de, en"
    """
    return SaltError(f"unknown {kind} {value!r}; known: {', '.join(str(k) for k in known)}")
