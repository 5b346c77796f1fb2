"""Segmenters are used where they are installed, and asked for where they aren't."""

import sys
import types
from importlib import metadata

import pytest

from salt_lib.errors import SaltError
from salt_lib.salt import segmenting


@pytest.fixture(autouse=True)
def fresh():
    segmenting.segmenter.cache_clear()
    yield
    segmenting.segmenter.cache_clear()


def installed(monkeypatch):
    """A jieba of our own: a word is two characters."""
    made = types.ModuleType("jieba")
    made.setLogLevel = lambda level: None
    made.lcut = lambda line: [line[i : i + 2] for i in range(0, len(line), 2)]
    monkeypatch.setitem(sys.modules, "jieba", made)


def test_a_segmenter_that_is_installed_cuts(monkeypatch):
    installed(monkeypatch)
    for when in ("auto", "always"):
        assert segmenting.chosen("zh", when)("山羊河川") == ["山羊", "河川"]
    assert segmenting.chosen("zh", "never") is None


def test_one_that_is_not_is_named_where_it_is_asked_for(monkeypatch):
    for name in ("jieba", "fugashi", "pythainlp", "pythainlp.tokenize"):
        monkeypatch.setitem(sys.modules, name, None)
    for code in ("zh", "ja", "th"):
        assert segmenting.chosen(code, "auto") is None
        with pytest.raises(SaltError, match=rf"'{code}' is installed: pip install 'salt-lib\[seg"):
            segmenting.chosen(code, "always")


def test_what_is_installed_has_its_version(monkeypatch):
    versions = {"jieba": "0.4", "fugashi": "1.5"}

    def version(name):
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "version", version)
    assert segmenting.installed() == {"zh": "jieba 0.4"}  # fugashi lacks its dictionary
    versions["unidic-lite"] = "1.0"
    assert segmenting.installed()["ja"] == "fugashi 1.5 unidic-lite 1.0"


def test_languages_with_spaces_need_none():
    assert segmenting.chosen("de", "always") is None


@pytest.mark.parametrize(
    ("code", "module", "line", "word"),
    [
        ("zh", "jieba", "他喜欢音乐", "音乐"),
        ("ja", "fugashi", "彼は音楽が好きです", "音楽"),
        ("th", "pythainlp", "เขาชอบดนตรี", "ดนตรี"),
    ],
)
def test_the_real_ones_find_a_word(code, module, line, word):
    pytest.importorskip(module)
    assert word in segmenting.segmenter(code)(line)
