"""SALT in one picture: a sentence of the training data on its way through the three steps.

Its words, substitutes and probabilities are the shipped model's own. It is HTML and not a drawing:
words in any script keep their font and direction, and the picture fits a phone and a dark page.

Chapter: Augmentation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd
import torch

from ..errors import SaltError
from ..laboratory.quality import ByLexicon, verdict
from ..laboratory.substitutions import for_method
from ..laboratory.tasks import task as named
from ..languages import SOURCE, language
from ..models.encoding import Encoded
from ..salt.augment import code_switch, draw_ratio
from ..salt.methods import METHODS
from ..training.config import Config
from .html import Markup, percent, token, tokens

ANSWERS, FEWEST = 5, 3  # languages shown, and needed, of the word that the model is asked about
DIMENSIONS = 12  # drawn of the mixing weights, which have one for each dimension of a vector


@dataclass(frozen=True)
class Substitute:
    """A word of another language in the place of an English one; probability: the model's."""

    word: str
    code: str
    probability: float
    right: bool


@dataclass(frozen=True)
class Journey:
    """What the picture shows of one sentence.

    words: of the sentence. asked: the number of the word that the model is asked about; answers:
    its substitutes, the surest first; languages: how many could have given one. switched: number of
    a word → what stands in its place. mixed: the substitute whose vector is blended with the asked
    word's, and ratio: the word's share in the first `DIMENSIONS` dimensions.
    """

    words: Sequence[str]
    asked: int
    answers: Sequence[Substitute]
    languages: int
    switched: Mapping[int, Substitute]
    mixed: Substitute
    ratio: Sequence[float]


def journey(
    data: Encoded,
    kept: pd.DataFrame,
    world: int,
    task: str,
    config: Config,
    entry: Mapping[int, str],
) -> Journey:
    """The first training sentence in which SALT replaces a content word and another word.

    Of whole words only, so that a box is a word, and with `FEWEST` languages that are sure of the
    content word. kept: the substitutions of the training data
    (`predictions.read_kept`). entry: vocabulary id → piece. The model is asked about the first
    content word that is replaced; all draws are SALT's, with seed 0. SaltError: there is no such
    sentence.
    """
    dice, judged = torch.Generator().manual_seed(0), ByLexicon()
    options = for_method(world, task, METHODS["salt"], config)
    after = code_switch(data, options, config.instance_rate, config.token_rate, dice)
    found = kept[kept["language"] != SOURCE].groupby("example")
    for example, rows in found:
        start, end = int(data.start[example]), int(data.start[example + 1])
        # The first sentence stands between the first mark and the second.
        length = int((data.segments[start:end] == 0).sum()) - 2
        here = slice(start + 1, start + 1 + length)
        if not data.whole[here].all() or (after[here] != data.ids[here]).sum() < 2:
            continue
        words = [entry[i] for i in data.ids[here].tolist()]
        at = {
            number: rows[rows["position"] == number + 1].sort_values("probability", ascending=False)
            for number in (after[here] != data.ids[here]).nonzero().flatten().tolist()
        }
        switched = {
            number: one
            for number, answers in at.items()
            for one in _substitutes(words[number], answers, entry)
            if one.word == entry[int(after[start + 1 + number])]
        }
        asked = [i for i in switched if judged.content(words[i]) and len(at[i]) >= FEWEST]
        if len(switched) < len(at) or not asked:
            continue
        answers = _substitutes(words[asked[0]], at[asked[0]], entry)
        ratio = draw_ratio("vector", 1, DIMENSIONS, dice)[0, 0].tolist()
        languages = len(named(task).targets)
        return Journey(words, asked[0], answers, languages, switched, answers[0], ratio)
    raise SaltError("no training sentence has a content word and another word replaced")


def _substitutes(word: str, rows: pd.DataFrame, entry: Mapping[int, str]) -> list[Substitute]:
    of = zip(rows["token"], rows["language"], rows["probability"], strict=True)
    return [
        Substitute(entry[int(i)], code, float(p), verdict(word, entry[int(i)], code) == "right")
        for i, code, p in of
    ]


def picture(of: Journey) -> Markup:
    """The three steps, each with what happens to the sentence."""
    word = of.words[of.asked]
    asked = [
        token(w, SOURCE, kind="mixed" if i == of.asked else "plain") for i, w in enumerate(of.words)
    ]
    answers = [
        token(
            one.word,
            one.code,
            f"{language(one.code).name} {percent(one.probability, 0)}",
            "switched" if one.right else "wrong",
        )
        for one in of.answers[:ANSWERS]
    ]
    switched = [
        token(
            of.switched[i].word,
            of.switched[i].code,
            f"{w}, {language(of.switched[i].code).name}",
            "switched" if of.switched[i].right else "wrong",
        )
        if i in of.switched
        else token(w, SOURCE, kind="plain")
        for i, w in enumerate(of.words)
    ]
    blend = [
        _share(token(word, SOURCE, kind="kept"), of.ratio),
        Markup('<span class="plus">+</span>'),
        _share(token(of.mixed.word, of.mixed.code, kind="switched"), [1 - r for r in of.ratio]),
        Markup('<span class="plus">→</span>'),
        token(f"{word} · {of.mixed.word}", SOURCE, "what the model reads", "mixed"),
    ]
    shown, sure = min(ANSWERS, len(of.answers)), len(of.answers)
    part = f"; {shown} of them are shown" if sure > shown else ""
    return Markup(
        '<div class="steps">'
        + _step(
            "1. Distill",
            "The model is asked, language by language, what else could stand in the place of a "
            f"word. Answers it is sure of are kept: here for <b>{escape(word)}</b>, in {sure} of "
            f"{of.languages} languages{part}.",
            tokens(asked) + tokens(answers),
        )
        + _step(
            "2. Switch",
            "Before training, some words of some sentences are replaced. The label stays.",
            tokens(switched),
        )
        + _step(
            "3. Mix",
            "During training, the vectors of words are blended with those of their substitutes. "
            "Each dimension has a proportion of its own, new at every step: the darker a square, "
            f"the more of the vector ({len(of.ratio)} dimensions are drawn).",
            tokens(blend),
        )
        + "</div>"
    )


def _share(box: Markup, shares: Sequence[float]) -> Markup:
    """A token with how much of its vector goes into a mix, a square for each dimension."""
    squares = "".join(f'<i style="opacity: {share:.2f}"></i>' for share in shares)
    said = f"on average {percent(sum(shares) / len(shares), 0)} of its vector"
    return Markup(
        f'<span class="blended">{box}<span class="shares" role="img" aria-label="{said}" '
        f'title="{said}">{squares}</span></span>'
    )


def _step(name: str, text: str, shown: str) -> str:
    return (
        f'<section class="step"><div><h4>{name}</h4><p>{text}</p></div><div>{shown}</div></section>'
    )
