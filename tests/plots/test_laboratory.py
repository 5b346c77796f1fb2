"""Figures and tables of the chapter on the laboratory: drawn, readable, and true to their data."""

import re

import numpy as np
import pandas as pd
from drawn import Closed, check

from salt_lib.laboratory import tasks
from salt_lib.laboratory.minibabel.facts import Fact, World, inventory
from salt_lib.laboratory.minibabel.lexicon import forms
from salt_lib.languages import LANGUAGES
from salt_lib.plots import laboratory, style

FACT = Fact("dog", "see", "apple", "big", "old", None, "5", "in", "house", "Lima", "Anna")
CURVE = [
    {
        "step": step,
        "masked_word_loss": 4 - step / 1000,
        "next_sentence_loss": 0.69 - step / 10_000,
        "alignment": {c: step / 2000 * (i + 1) / 17 for i, c in enumerate(LANGUAGES) if c != "en"},
    }
    for step in (500, 1000, 1500, 2000)
]


def test_each_noun_s_strongest_habit_is_shown():
    figure, ax = style.figure(3.6)
    weights = World(0).noun_adjective
    assert laboratory.preferences(ax, weights, ("dog", "king"), 6) is ax
    assert len(ax.get_xticklabels()) == 6
    # Each noun's strongest habit is among those shown.
    nouns = inventory()["agent"]
    best = {f"{100 * weights[nouns.index(noun)].max():.0f}" for noun in ("dog", "king")}
    assert best <= {t.get_text() for t in ax.texts}
    check(figure)


def test_habits_of_two_languages_are_beside_each_other():
    figure, ax = style.figure(4)
    shares = np.random.default_rng(0).random((5, 4))
    assert laboratory.same_habits(ax, shares, shares, ("de", "sw")) is ax
    assert "Swahili" in ax.get_ylabel()
    check(figure)


def test_losses_have_an_axis_below_alone():
    figure, axes = style.figure(4.4, 2, sharex=True)
    laboratory.loss(axes[0], CURVE, "masked_word_loss", "masked words")
    assert laboratory.loss(axes[1], CURVE, "next_sentence_loss", "next", np.log(2)) is axes[1]
    assert axes[0].get_xlabel() == "" and axes[1].get_xlabel() == "step"
    check(figure)


def test_alignment_has_a_panel_for_each_language_the_best_first():
    figure, axes = style.figure(6.4, 5, 4, sharex=True, sharey=True)
    assert laboratory.alignment(axes, CURVE) is axes
    shown = [ax.texts[0].get_text() for ax in axes.flat if ax.get_visible()]
    assert len(shown) == 16 and shown[0] == "Chinese" and shown[-1] == "Arabic"
    check(figure)


def test_sentences_have_every_language_and_its_parts():
    html = laboratory.sentences(FACT)
    assert Closed(html).said == {
        (code, "rtl" if item.right_to_left else "ltr") for code, item in LANGUAGES.items()
    }
    for code in LANGUAGES:
        for role, said in (("subject", "dog"), ("verb", "see"), ("object", "apple")):
            form = forms(code)[said]
            direction = "rtl" if LANGUAGES[code].right_to_left else "ltr"
            names = f"{role} rtl" if direction == "rtl" else role
            assert f'<span class="{names}" lang="{code}" dir="{direction}">{form}</span>' in html


def test_of_a_repeated_word_the_one_that_pairs_up_is_not_marked():
    more = "the dog lose the book near the house".split()
    fewer = "the dog lose book near house".split()
    line = laboratory._line(more, fewer, "en")
    plain = re.sub(r"<(?!/?mark)[^>]*>", "", line).split()
    assert plain == "the dog lose <mark>the</mark> book near <mark>the</mark> house".split()
    assert "<mark>" not in laboratory._line(fewer, more, "en")


def test_pairs_mark_what_differs():
    made = tasks.facts("mini-xnli", "dev", 0)[:3]
    html = laboratory.pairs(made, tasks.task("mini-xnli").labels, ("en", "ar"))
    Closed(html)
    assert html.count("<mark>") >= 12  # a word on each side, in three pairs and two languages
    assert all(label in html for label in tasks.task("mini-xnli").labels)


def test_tables_of_the_laboratory_are_sound():
    review = pd.DataFrame(
        [("ar", "fast", "سريع|عاجل", "سريع", "عاجل means urgent & more")],
        columns=["language", "concept", "before", "after", "reason"],
    )
    html = laboratory.corrections(review)
    assert Closed(html).said == {("ar", "rtl")} and "urgent &amp; more" in html
    Closed(laboratory.languages(dict.fromkeys(LANGUAGES, 1000)))
    assert Closed(laboratory.documents({"ur": [["ایک", "دو"]]})).said == {("ur", "rtl")}
    Closed(laboratory.shared_words(pd.DataFrame([[0.2, 0.1, 0, 0.7, 0]], index=["de"])))
    html = laboratory.classifiers({"mini-xnli": {"a": 0.4}, "mini-paws-x": {"a": 0.5}})
    assert "33.3%" in html and "40.0%" in html and Closed(html)
