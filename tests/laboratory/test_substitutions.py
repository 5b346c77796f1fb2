"""Every kind of substitution stands where the distilled ones do, or says what is true."""

from collections import Counter

import numpy as np
import pytest
import small
import torch
from small import CONFIG, NAME, WORLD

from salt_lib.errors import SaltError
from salt_lib.laboratory import checkpoints, substitutions, tasks
from salt_lib.laboratory.minibabel.lexicon import concept_of, concepts_of_form, lexicon
from salt_lib.laboratory.predictions import predictions_path
from salt_lib.laboratory.substitutions import choices
from salt_lib.languages import XNLI_LANGUAGES
from salt_lib.models import loading
from salt_lib.models.encoding import IGNORE
from salt_lib.salt import controls, predictions, vocabulary
from salt_lib.salt.augment import NOTHING
from salt_lib.salt.methods import METHODS, WORLD_METHODS
from salt_lib.training import evaluate
from salt_lib.training.config import Config


@pytest.fixture(autouse=True, scope="module")
def small_laboratory(laboratory):
    return laboratory


@pytest.fixture(scope="module")
def data():
    return small.encoded("train")


@pytest.fixture(scope="module")
def words():
    """Language → its one-piece words, commonest first; and what each vocabulary id is."""
    folder = checkpoints.checkpoint(WORLD)
    pieces, counts = loading.tokenizer(folder).get_vocab(), vocabulary.words_by_language(folder)
    own = {
        code: [pieces[w] for w in sorted(found, key=lambda w: -found[w]) if w in pieces]
        for code, found in counts.items()
    }
    return own, {i: piece for piece, i in pieces.items()}


@pytest.fixture(scope="module")
def kept(data):
    """The distilled predictions, in the order in which options are gathered."""
    table = predictions.read_all(predictions_path(WORLD, NAME))
    at = data.start.numpy()[table["example"]] + table["position"]
    return table.assign(at=at).sort_values("at", kind="stable", ignore_index=True)


def options(kind, synonyms=True, threshold=0.0):
    return choices(WORLD, NAME, kind, synonyms, threshold, threshold)


def test_distilled_options_are_the_predictions(data, kept, words):
    found = options("distilled")
    assert found.tokens[:, 0].tolist() == kept["token"].tolist()
    assert np.array_equal(found.count, np.bincount(kept["at"], minlength=len(data.ids)))
    english = set(words[0]["en"])
    eligible = torch.tensor([i in english for i in data.ids.tolist()]) & data.whole
    assert not (found.count > 0)[~eligible].any()
    # Every eligible token has something in each language whose best word it isn't itself.
    assert (found.count[eligible] >= 10).all()


def test_thresholds_count(kept):
    limit = float(kept["probability"].median())
    some = options("distilled", threshold=limit)
    assert len(some.tokens) == (kept["probability"] >= limit).sum() < len(kept)
    nothing = options("distilled", threshold=1.0)
    assert len(nothing.tokens) <= (kept["probability"] == 1).sum()


@pytest.mark.parametrize("kind", ["distilled", "random", "deranged", "dictionary"])
def test_synonyms_may_be_left_out(kind, words, data):
    found, without = options(kind), options(kind, synonyms=False)
    assert len(without.tokens) < len(found.tokens)
    english = set(words[0]["en"]) - {i for c, w in words[0].items() if c != "en" for i in w}
    assert english & set(found.tokens.flatten().tolist())
    assert not english & set(without.tokens.flatten().tolist())


def test_masked_options_stand_at_the_same_positions(data):
    found, masked = options("distilled"), options("masked")
    assert torch.equal(found.count > 0, masked.count > 0)
    assert not torch.equal(found.tokens[:100], masked.tokens[:100])


def test_random_options_stand_where_the_distilled_do(kept, words):
    own, _ = words
    found, control = options("distilled"), options("random")
    width = controls.NEIGHBOURS
    assert torch.equal(found.start, control.start) and torch.equal(found.count, control.count)
    assert control.tokens.shape == (len(found.tokens), width)
    rank = {code: {i: r for r, i in enumerate(ids)} for code, ids in own.items()}
    for code, rows in kept.groupby("language").indices.items():
        tokens, true = control.tokens[rows].numpy(), kept["token"].to_numpy()[rows]
        assert (tokens != true[:, None]).all()
        assert all(len(set(row)) == width for row in tokens[:200].tolist())
        # Words of the same language, and the nearest ones in frequency.
        ranks = np.vectorize(rank[code].__getitem__)(tokens)
        away = np.abs(ranks - np.array([rank[code][t] for t in true])[:, None])
        assert away.min() >= 1 and away.max() <= width
        inside = (width <= ranks.min(axis=1)) & (ranks.max(axis=1) < len(rank[code]) - width)
        assert away[inside].max(initial=0) <= width // 2 + 1


def test_each_random_draw_is_fresh():
    control = options("random")
    at = torch.nonzero(control.count)[:300, 0]
    draws = [control.draw(at, at, torch.Generator().manual_seed(s)) for s in range(6)]
    assert all(len({int(d[i]) for d in draws}) > 1 for i in range(300))


def test_too_few_words_for_the_control(monkeypatch, kept):
    monkeypatch.setattr(controls, "NEIGHBOURS", 5000)
    with pytest.raises(SaltError, match=r"has \d+ whole words, more than 5000 are needed"):
        choices.__wrapped__(WORLD, NAME, "random", True, 0.0, 0.0)


def test_the_deranged_dictionary_is_consistently_wrong(kept):
    found, control = options("distilled"), options("deranged")
    assert torch.equal(found.start, control.start) and torch.equal(found.count, control.count)
    for _, rows in kept.groupby("language").indices.items():
        true, wrong = kept["token"].to_numpy()[rows], control.tokens[rows, 0].numpy()
        exchanged = {*zip(true.tolist(), wrong.tolist(), strict=True)}
        assert len(exchanged) == len(set(true)) == len(set(wrong))  # one to one
        assert set(true) == set(wrong)
        assert all(one != other for one, other in exchanged)
    again = controls._deranged(kept, WORLD)
    assert np.array_equal(again, controls._deranged(kept, WORLD))
    assert not np.array_equal(again, controls._deranged(kept, WORLD + 1))


def test_dictionary_options_are_true_translations(data, words):
    own, entry = words
    found = options("dictionary")
    at = np.repeat(np.arange(len(data.ids)), found.count)
    seen = Counter()
    for source, token in zip(data.ids[at].tolist(), found.tokens[:, 0].tolist(), strict=True):
        word, said = entry[source], entry[token]
        concept = concept_of()[word]
        languages = [c for c in XNLI_LANGUAGES if concept in concepts_of_form(c).get(said, ())]
        assert languages and word != said
        seen.update(languages)
    assert set(seen) == set(XNLI_LANGUAGES)
    has = np.array([entry[i] in concept_of() for i in data.ids.tolist()])
    assert not found.count.numpy()[~has].any()
    assert not found.count.numpy()[~data.whole.numpy()].any()
    at = next(i for i in np.nonzero(found.count.numpy())[0] if entry[int(data.ids[i])] == "the")
    told = found.tokens[found.start[at] : found.start[at] + found.count[at], 0].tolist()
    articles = {"de": "der", "el": "ο", "es": "el", "fr": "le"}
    assert {entry[i] for i in told} == set(articles.values())


# Kinds of words, and the tasks over worlds


def standing(found, name=NAME):
    """For each option: its English word, and what stands in its place, both in letters."""
    data = small.encoded("train", name)
    at = np.repeat(np.arange(len(data.ids)), found.count)
    folder = checkpoints.checkpoint(WORLD)
    entry = {i: piece for piece, i in loading.tokenizer(folder).get_vocab().items()}
    sources = [entry[i] for i in data.ids[at].tolist()]
    return sources, [[entry[i] for i in row] for row in found.tokens.tolist()]


def kind_of(word):
    concept = concept_of().get(word)
    return lexicon()[concept].kind if concept else "other"


def test_content_and_function_words_are_all_words_and_none_is_both():
    found = {
        words: choices(WORLD, NAME, "distilled", True, 0.0, 0.0, words=words)
        for words in ("content", "function", None)
    }
    kinds = {words: {kind_of(w) for w in standing(one)[0]} for words, one in found.items()}
    assert kinds["function"] == {"function"} and "function" not in kinds["content"]
    assert {"noun", "verb", "adjective"} <= kinds["content"]
    counts = {words: one.count for words, one in found.items()}
    assert torch.equal(counts["content"] + counts["function"], counts[None])
    assert not (counts["content"] * counts["function"]).any()


@pytest.mark.parametrize("kind", ["distilled", "dictionary", "random-kind"])
def test_function_words_have_no_english_synonyms_in_the_tasks_over_worlds(kind, words):
    only = {code: set(ids) for code, ids in words[0].items()}
    folder = checkpoints.checkpoint(WORLD)
    pieces = loading.tokenizer(folder).get_vocab()
    others = {i for code, ids in only.items() if code != "en" for i in ids}

    def english(name, words):
        """How many options of these words are words of English alone."""
        found = choices(WORLD, name, kind, True, 0.0, 0.0, words=words)
        said = [{pieces[w] for w in row} for row in standing(found, name)[1]]
        assert said
        return sum(row <= only["en"] - others for row in said)

    assert english("mini-nli", "content") > 0 == english("mini-nli", "function")
    if kind == "distilled":
        assert english(NAME, "content") > 0 < english(NAME, "function")


def test_without_function_words_synonyms_nothing_else_is_lost():
    found = choices(WORLD, "mini-nli", "distilled", True, 0.0, 0.0)
    table = predictions.read_all(predictions_path(WORLD, "mini-nli"))
    data = small.encoded("train", "mini-nli")
    at = data.start.numpy()[table["example"]] + table["position"].to_numpy()
    entry = {i: p for p, i in loading.tokenizer(checkpoints.checkpoint(WORLD)).get_vocab().items()}
    function = np.array([kind_of(entry[i]) == "function" for i in data.ids.numpy()[at].tolist()])
    lost = function & (table["language"] == "en").to_numpy()
    assert 0 < lost.sum() < len(table) and len(found.tokens) == len(table) - lost.sum()


def test_random_words_of_the_same_kind_stand_where_the_distilled_do(kept):
    found, control = options("distilled"), options("random-kind")
    assert torch.equal(found.start, control.start) and torch.equal(found.count, control.count)
    sources, drawn = standing(control)
    true = [row[0] for row in standing(found)[1]]
    languages = kept["language"].to_numpy()
    distilled: dict[tuple, set] = {}
    for code, source, word in zip(languages, sources, true, strict=True):
        distilled.setdefault((code, kind_of(source)), set()).add(word)
    assert len(distilled) > 40
    for code, source, word, row in zip(languages, sources, true, drawn, strict=True):
        here = distilled[code, kind_of(source)]
        assert {*row} <= here and (word not in row or here == {word})
    assert not torch.equal(control.tokens, options("random").tokens)


def test_hidden_words_stand_where_the_distilled_do():
    found, control = options("distilled"), options("mask")
    assert torch.equal(found.start, control.start) and torch.equal(found.count, control.count)
    assert {word for row in standing(control)[1] for word in row} == {"[MASK]"}


def test_the_methods_over_worlds_get_their_options():
    salt = small.options_of("salt", "mini-nli")
    found = {name: small.options_of(name, "mini-nli") for name in WORLD_METHODS}
    assert found.pop("smoothed") is NOTHING and found.pop("scalar-mixup") is salt
    for name in ("salt-random-kind", "salt-hidden"):
        assert torch.equal(found[name].count, salt.count)
        assert not torch.equal(found[name].tokens, salt.tokens)
    both = found["salt-content"].count + found["salt-function"].count
    assert torch.equal(both, salt.count)


def test_methods_get_their_options():
    found = {
        name: substitutions.for_method(WORLD, NAME, method, CONFIG)
        for name, method in METHODS.items()
    }
    without = [name for name, choice in found.items() if choice is NOTHING]
    assert without == ["baseline", "translate-train"]
    salt = found["salt"]
    for name in ("code-switch", "mixup", "salt-scalar-r"):
        assert found[name] is salt
    for name in ("salt-random", "salt-masked", "salt-no-synonyms", "salt-deranged", "dictionary"):
        assert not torch.equal(found[name].tokens, salt.tokens)


def test_the_substitutions_of_tags_fall_on_words_with_their_tags(tmp_path, monkeypatch):
    """With the shipped checkpoint: every eligible token is a whole word that has a tag."""
    monkeypatch.setenv("SALT_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("SALT_CHECKPOINTS_DIR", str(tmp_path / "none"))
    small.forget()
    data = small.encoded("train", "mini-ner")
    kept = small.options_of("salt", "mini-ner", Config(threshold=0.5))
    may = kept.count > 0
    assert may.sum() > 20 and bool((data.labels[may] != IGNORE).all())
    said = tasks.load("mini-ner", "train", "en")
    assert evaluate.sentences(data, data.labels) == [
        [said.names[label] for label in row] for row in said.labels
    ]
    small.forget()
