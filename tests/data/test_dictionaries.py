"""Dictionaries are read, compared and looked up; what is wrong with a file is said."""

import pytest

from salt_lib.data.dictionaries import normal, read_dictionaries
from salt_lib.errors import SaltError


def write(folder, **files):
    for name, rows in files.items():
        lines = "\n".join("\t".join(row.split()) for row in rows)
        (folder / f"en-{name}.tsv").write_text(lines + "\n", encoding="utf-8")
    return folder


DE = ["en translation sources", "Goat Ziege 2", "goat Geiß 1", "child Kind 3"]


def test_words_are_looked_up_by_their_lemmas_and_without_case(tmp_path):
    write(tmp_path, de=DE, lemmas=["form lemma", "children child"])
    found = read_dictionaries(tmp_path)
    assert found.of("Goat", "de") == {"ziege", "geiss"}
    assert found.of("Children", "de") == {"kind"} and found.heads("goat") == {"goat"}
    assert found.of("lamp", "de") == frozenset() and set(found.translations) == {"de"}
    assert read_dictionaries(tmp_path, sources=2).of("goat", "de") == {"ziege"}
    with pytest.raises(SaltError, match="unknown language of the dictionaries 'fr'; known: de"):
        found.of("goat", "fr")


def test_without_lemmas_and_sources_the_pairs_are_enough(tmp_path):
    found = read_dictionaries(write(tmp_path, fr=["translation en", "chèvre goat"]), sources=2)
    assert found.of("goat", "fr") == {"chèvre"} and not found.lemmas


@pytest.mark.parametrize(
    ("form", "language", "expected"),
    [
        ("كِتَـاب", "ar", "كتاب"),
        ("كتاب", "ur", "کتاب"),
        ("ﬁn", "fr", "fin"),
        ("ÉTÉ", "fr", "été"),
        ("दुनिया", "hi", "दुनिया"),
    ],
)
def test_forms_are_compared_in_one_form(form, language, expected):
    assert normal(form, language) == normal(expected, language) == expected


def test_what_is_wrong_is_said_with_the_file(tmp_path):
    with pytest.raises(SaltError, match="no en-<language>.tsv in it"):
        read_dictionaries(tmp_path)
    write(tmp_path, de=DE)
    with pytest.raises(SaltError, match="no dictionary en-sw.tsv; there are de. Add it"):
        read_dictionaries(tmp_path, ["de", "sw"])
    write(tmp_path, de=["en german", "goat Ziege"])
    with pytest.raises(SaltError, match="en-de.tsv: no column translation; its first line has en,"):
        read_dictionaries(tmp_path)
    write(tmp_path, de=["en translation", "goat"])
    with pytest.raises(SaltError, match="en-de.tsv, line 2: 1 cells, expected 2"):
        read_dictionaries(tmp_path)
    write(tmp_path, de=["en translation sources", "goat Ziege many"])
    with pytest.raises(SaltError, match="en-de.tsv, line 2: sources 'many' is not a number"):
        read_dictionaries(tmp_path, sources=2)
    write(tmp_path, de=DE, lemmas=["form", "children"])
    with pytest.raises(SaltError, match="en-lemmas.tsv: no column lemma"):
        read_dictionaries(tmp_path)
