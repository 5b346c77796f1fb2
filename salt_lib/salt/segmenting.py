"""Words of languages written without spaces, by a segmenter where one is installed.

Chinese: jieba. Japanese: MeCab by fugashi, with UniDic (unidic-lite). Thai: PyThaiNLP's newmm, a
maximum matching by dictionary. All are optional (``pip install 'salt-lib[segment]'``).

Chapter: At paper scale.
"""

import logging
from collections.abc import Callable
from functools import cache
from importlib import metadata

from ..errors import SaltError

Segmenter = Callable[[str], list[str]]
WHEN = ("auto", "always", "never")


def _jieba() -> Segmenter:
    import jieba

    jieba.setLogLevel(logging.WARNING)
    return jieba.lcut


def _fugashi() -> Segmenter:
    import fugashi

    tagger = fugashi.Tagger()
    return lambda line: [word.surface for word in tagger(line)]


def _pythainlp() -> Segmenter:
    from pythainlp.tokenize import word_tokenize

    return lambda line: word_tokenize(line, engine="newmm", keep_whitespace=False)


_PACKAGES = {"zh": ("jieba",), "ja": ("fugashi", "unidic-lite"), "th": ("pythainlp",)}
_MAKERS = {"zh": _jieba, "ja": _fugashi, "th": _pythainlp}


def installed() -> dict[str, str]:
    """Language → the packages that segment it and their versions, where all are installed.

    The words of a language depend on them, so what is made of these words is known by them too.
    """
    found = {}
    for code, packages in _PACKAGES.items():
        try:
            found[code] = " ".join(f"{name} {metadata.version(name)}" for name in packages)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def segmenter(language: str) -> Segmenter | None:
    """A function from a sentence to its words; None where there is none, or none is installed."""
    make = _MAKERS.get(language)
    try:
        return make and make()
    except (ImportError, RuntimeError):  # fugashi's error where it finds no dictionary
        return None


def chosen(language: str, when: str) -> Segmenter | None:
    """`segmenter`, unless ``when`` is "never"; SaltError: it is "always" and there is none."""
    if when == "never" or language not in _MAKERS:
        return None
    found = segmenter(language)
    if found is None and when == "always":
        raise SaltError(
            f"no segmenter for {language!r} is installed: pip install 'salt-lib[segment]', or "
            "leave the choice to frequency (segment auto or never)"
        )
    return found
