"""Every figure and table of the laboratory's chapters: drawn, readable, and true to its data."""

import re
import warnings
from html.parser import HTMLParser

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.text import Text

from salt_lib.errors import SaltError
from salt_lib.laboratory import tasks
from salt_lib.laboratory.minibabel.facts import Fact, World, inventory
from salt_lib.laboratory.minibabel.lexicon import forms
from salt_lib.laboratory.quality import KINDS
from salt_lib.languages import LANGUAGES
from salt_lib.plots import augmentation, distillation, laboratory, style
from salt_lib.plots import html as plots_html
from salt_lib.salt.methods import METHODS

PHONE = 330  # what is left of 390 pixels for a figure
FACT = Fact("dog", "see", "apple", "big", "old", None, "5", "in", "house", "Lima", "Anna")


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def check(figure):
    """The figure as it will be on the page: no missing glyph, no tiny text, opaque and white."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of a glyph that no font has
        figure.canvas.draw()
    picture = np.asarray(figure.canvas.buffer_rgba())
    assert (picture[..., 3] == 255).all()
    assert (picture[0] == 255).all() and (picture[-1] == 255).all()
    width, _ = figure.get_size_inches()
    assert width == style.WIDTH
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip():
            assert text.get_fontsize() / 72 / width * PHONE >= 9, text
            latin = all(c < "\u0250" or c in "–−…₁₂σ⊙→" for c in text.get_text())
            assert latin, f"words in other scripts belong into the page: {text}"
    assert not any(ax.get_title() for ax in figure.axes)


def rows(count=400):
    """Judged predictions of three languages, one of them always unsure."""
    rng = np.random.default_rng(0)
    words = ["dog", "see", "house", "old", "in"]
    found = pd.DataFrame(
        {
            "language": rng.choice(["de", "ru", "ur"], count),
            "word": rng.choice(words, count),
            "substitute": "x",
            "probability": rng.random(count),
            "verdict": rng.choice(KINDS, count),
        }
    )
    found.loc[found["language"] == "ur", "probability"] /= 2
    return found.assign(content=found["word"] != "in")


CURVE = [
    {
        "step": step,
        "masked_word_loss": 4 - step / 1000,
        "next_sentence_loss": 0.69 - step / 10_000,
        "alignment": {c: step / 2000 * (i + 1) / 17 for i, c in enumerate(LANGUAGES) if c != "en"},
    }
    for step in (500, 1000, 1500, 2000)
]


def test_a_missing_glyph_would_be_noticed():
    figure, ax = style.figure(2)
    ax.set_xlabel("犬")
    with pytest.raises(UserWarning, match="[Gg]lyph"):
        check(figure)


def test_tiny_text_would_be_noticed():
    figure, ax = style.figure(2)
    ax.text(0.5, 0.5, "tiny", size=8)
    with pytest.raises(AssertionError):
        check(figure)


def test_the_colours_differ_in_lightness_or_marker():
    assert len(set(style.COLOURS)) == len(style.COLOURS) == len(style.MARKERS)


def test_heat_writes_every_number_and_a_dash_for_none():
    figure, ax = style.figure(2)
    assert style.heat(ax, [[0.0, 1.0], [0.5, np.nan]], ["a", "b"], ["c", "d"]) is ax
    assert [t.get_text() for t in ax.texts] == ["0%", "100%", "50%", "–"]
    check(figure)


def test_preferences():
    figure, ax = style.figure(3.6)
    weights = World(0).noun_adjective
    assert laboratory.preferences(ax, weights, ("dog", "king"), 6) is ax
    assert len(ax.get_xticklabels()) == 6
    # Each noun's strongest habit is among those shown.
    nouns = inventory()["agent"]
    best = {f"{100 * weights[nouns.index(noun)].max():.0f}" for noun in ("dog", "king")}
    assert best <= {t.get_text() for t in ax.texts}
    check(figure)


def test_same_habits():
    figure, ax = style.figure(4)
    shares = np.random.default_rng(0).random((5, 4))
    assert laboratory.same_habits(ax, shares, shares, ("de", "sw")) is ax
    assert "Swahili" in ax.get_ylabel()
    check(figure)


def test_losses():
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


def test_probabilities():
    figure, ax = style.figure(3.2)
    assert distillation.probabilities(ax, rows(), 0.9) is ax
    check(figure)


def test_precision_coverage_marks_the_threshold():
    figure, ax = style.figure(3.6)
    curve = pd.DataFrame(
        {
            "language": ["de", "ur"] * 3,
            "threshold": [0.0, 0.0, 0.5, 0.5, 0.9, 0.9],
            "precision": [0.4, 0.2, 0.6, 0.4, 0.9, np.nan],
            "coverage": [1.0, 1.0, 0.5, 0.3, 0.2, 0.0],
        }
    )
    assert distillation.precision_coverage(ax, curve, 0.9) is ax
    mean, dot = ax.lines[-2:]
    assert list(mean.get_ydata()) == pytest.approx([0.3, 0.5])  # at 0.9 one language keeps nothing
    assert dot.get_ydata()[0] == pytest.approx(0.9) and dot.get_xdata()[0] == pytest.approx(0.1)
    check(figure)


def test_by_language_puts_the_most_precise_on_top():
    figure, ax = style.figure(4)
    quality = pd.DataFrame(
        {"precision": [0.5, np.nan, 0.9], "coverage": [0.2, 0, 0.1], "ceiling": [0.8, 0.7, 0.9]},
        index=["de", "ur", "ru"],
    )
    assert distillation.by_language(ax, quality) is ax
    assert [t.get_text() for t in ax.get_yticklabels()] == ["Urdu", "German", "Russian"]
    check(figure)


def test_errors_add_up():
    figure, ax = style.figure(4)
    shares = pd.DataFrame([[0.5, 0.1, 0.2, 0.2], [1, 0, 0, 0]], ["de", "ru"], list(KINDS))
    assert distillation.errors(ax, shares) is ax
    ends = [bar.get_x() + bar.get_width() for bar in ax.containers[-1]]
    assert ends == pytest.approx([1, 1])
    check(figure)


def test_kinds_of_words_as_a_heat_map():
    known = distillation.kinds_of_words(rows())
    assert list(known.columns) == ["noun", "place", "verb", "adjective", "function"]
    figure, ax = style.figure(4)
    assert distillation.heat(ax, known) is ax
    assert len(ax.texts) == 15
    check(figure)


def test_strips_mix_the_two_vectors():
    figure, axes = style.figure(3.4, 4)
    source, substitute, ratio = np.ones(6, "f4"), -np.ones(6, "f4"), np.linspace(0, 1, 6, "f4")
    assert augmentation.strips(axes, source, substitute, ratio.astype("f4")) is axes
    np.testing.assert_allclose(axes[3].images[0].get_array()[0], 2 * ratio - 1, atol=1e-6)
    check(figure)


def test_positions_on_the_line():
    source, substitute = torch.tensor([2.0, 0, 0, 1]), torch.tensor([0.0, 0, 0, 1])
    along, off = augmentation.positions(source, substitute, "scalar", 200)
    assert 0 <= along.min() < 0.1 < 0.9 < along.max() <= 1
    np.testing.assert_allclose(off, 0, atol=1e-6)
    wide = torch.randn(300, generator=torch.Generator().manual_seed(0))
    along, off = augmentation.positions(wide, torch.zeros(300), "vector", 200)
    assert abs(along.mean() - 0.5) < 0.02 and along.std() < 0.1 and off.min() > 0.1


def test_places():
    figure, ax = style.figure(3.4)
    along = {"one weight per dimension": np.full(10, 0.5), "one weight": np.linspace(0, 1, 10)}
    assert augmentation.places(ax, along) is ax
    check(figure)


def test_kept_by_language_counts_right_and_wrong():
    judged = rows()
    figure, ax = style.figure(4)
    assert augmentation.kept_by_language(ax, judged, 0.5) is ax
    drawn = sum(bar.get_width() for bars in ax.containers for bar in bars) * 1000
    assert drawn == pytest.approx((judged["probability"] >= 0.5).sum())
    check(figure)


def test_replaced():
    figure, ax = style.figure(3)
    assert augmentation.replaced(ax, np.array([0, 1, 1, 4])) is ax
    assert [bar.get_height() for bar in ax.containers[0]] == [0.25, 0.5, 0.25]
    check(figure)


class Closed(HTMLParser):
    """Fails on a tag that is not closed, and remembers every language with its direction."""

    def __init__(self, text):
        super().__init__()
        self.open, self.said = [], set()
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        if "lang" in (found := dict(attrs)):
            self.said.add((found["lang"], found["dir"]))
        if tag not in ("br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag


def test_words_carry_their_language_and_direction():
    assert plots_html.word("کتا", "ur") == '<span class="rtl" lang="ur" dir="rtl">کتا</span>'
    assert plots_html.word("<b>", "de") == '<span lang="de" dir="ltr">&lt;b&gt;</span>'


def test_table_escapes_text_and_formats_numbers():
    html = plots_html.table(
        ("a", "b"), [("<i>", 0.123), (plots_html.Markup("<i>x</i>"), 12345)], "c & d"
    )
    Closed(html)
    assert "&lt;i&gt;" in html and "<i>x</i>" in html
    assert "12.3%" in html and "12,345" in html and "c &amp; d" in html
    assert "–" in plots_html.table(("a", "b"), [("x", float("nan"))])
    assert html._repr_html_() == html


def test_a_row_that_does_not_fit_the_header_is_an_error():
    with pytest.raises(SaltError, match="3 cells under 2 headings"):
        plots_html.table(("a", "b"), [("x", 1), ("x", 1, 2)])


@pytest.mark.parametrize(
    ("items", "text"), [([], "none"), (["a"], "a"), (["a", "b"], "a and b"), ("abc", "a, b and c")]
)
def test_listing(items, text):
    assert plots_html.listing(items) == text


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


def test_predictions_are_boxed_by_threshold_and_truth():
    found = pd.DataFrame(
        {
            "position": [1, 1, 2],
            "language": ["de", "ru", "de"],
            "substitute": [forms("de")["dog"], forms("ru")["cat"], forms("de")["dog"]],
            "probability": [0.95, 0.97, 0.2],
        }
    )
    html = distillation.predictions(found, ["[CLS]", "dog", "see"], ("de", "ru"), 0.9)
    Closed(html)
    kinds = re.findall(r'class="token (\w+)"', html)
    assert kinds == ["plain", "switched", "wrong", "plain", "kept"]
    assert "[CLS]" not in html and "–" in html and "0.95 ✓" in html


def test_tables_of_the_distillation_are_sound():
    entry, words = {7: "Hund", 8: "собака"}, {"de": [7], "ru": [8]}
    html = distillation.answers({"any word": [(8, 0.5)], "de": [(7, 0.9)]}, entry, words)
    assert Closed(html).said == {("en", "ltr"), ("ru", "ltr"), ("de", "ltr")}
    Closed(distillation.seen_and_hidden({"seen": (0.5, 0.9, 0.1), "hidden": (0.1, np.nan, 0)}))
    wrong = rows()
    wrong = wrong[wrong["verdict"] != "right"]
    assert distillation.commonest(wrong, 3).count("<tr>") == 4
    part = pd.DataFrame({"precision": [0.5, np.nan], "coverage": [0.25, 0.0]}, ["de", "ur"])
    html = distillation.quality_table({"tokens": part}, pd.Series({"de": 0.8, "ur": 0.6}))
    Closed(html)
    cells = re.findall(r'<td class="number">([^<]*)', html)
    assert cells == ["80%", "50%", "25%", "60%", "–", "0%", "70%", "50%", "12%"]


def test_quality_of_no_kept_word_at_all_is_a_dash_and_no_warning():
    part = pd.DataFrame({"precision": [np.nan], "coverage": [0.0]}, ["de"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        html = distillation.quality_table({"tokens": part}, pd.Series({"de": 0.8}))
    assert html.count("–") == 2


def test_switched_shows_language_old_word_and_verdict():
    entry = {1: "[CLS]", 2: "dog", 3: "Hund", 4: "the", 5: "кошка"}
    words = {"de": [3], "ru": [5], "en": [2, 4]}
    html = augmentation.switched([1, 2, 4, 2], [1, 3, 4, 5], entry, {1: ["de"], 3: ["ru"]}, words)
    assert Closed(html).said == {("en", "ltr"), ("de", "ltr"), ("ru", "ltr")}
    assert re.findall(r'class="token (\w+)"', html) == ["mark", "switched", "kept", "wrong"]
    assert "German: dog ✓" in html and "Russian: dog ✗" in html


def test_language_of_a_shared_word_is_one_that_may_be():
    words = {"ja": [1, 2], "zh": [1]}
    assert plots_html.language_of(1, ["zh", "ja"], words) == "zh"
    assert plots_html.language_of(2, ["zh", "ja"], words) == "ja"
    assert plots_html.language_of(3, ["zh"], words) == "en"


def test_methods_has_a_row_for_each():
    html = augmentation.methods()
    Closed(html)
    assert html.count("<tr>") == len(METHODS) + 1
