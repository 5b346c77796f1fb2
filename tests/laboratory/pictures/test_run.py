"""Every condition trains on what it says, conditions pair up, and a run is the same twice."""

from dataclasses import replace

import numpy as np
import pytest
import small
import torch

from salt_lib.errors import SaltError
from salt_lib.laboratory import quality
from salt_lib.laboratory.minibabel.lexicon import concept_of, concepts_of_form, lexicon
from salt_lib.laboratory.pictures import conditions, run, towers
from salt_lib.laboratory.pictures.conditions import CONDITIONS
from salt_lib.languages import LANGUAGES
from salt_lib.models import loading
from salt_lib.salt import predictions
from salt_lib.salt.vocabulary import words_by_language

CONFIG = replace(conditions.CONFIG, epochs=2, batch=32, threshold=0.0, synonym_threshold=0.0)


@pytest.fixture(scope="module", autouse=True)
def made(laboratory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(towers, "EPOCHS", 2)
        yield towers.views(small.WORLD)


def made_by(name, seed=0, config=CONFIG):
    return run.train(small.WORLD, CONDITIONS[name], seed, config)


@pytest.fixture(scope="module")
def pieces():
    return loading.tokenizer(small.SETUP.checkpoint).get_vocab()


def substitutions(name, pieces, language=None):
    """(English word, substitutes) of every token that may be replaced under a condition."""
    word_of = {i: word for word, i in pieces.items()}
    data, options = small.captioned("train"), run.choices(small.WORLD, CONDITIONS[name], CONFIG)
    for at in options.count.nonzero()[:, 0].tolist():
        first = int(options.start[at])
        rows = options.tokens[first : first + int(options.count[at])]
        yield word_of[int(data.ids[at])], [[word_of[i] for i in row] for row in rows.tolist()]


def test_a_run_says_how_every_language_is_found_and_is_the_same_twice(made):
    one, two = made_by("salt"), made_by("salt")
    assert {k: v for k, v in one.items() if k != "seconds"} == {
        k: v for k, v in two.items() if k != "seconds"
    }
    assert set(one["scores"]) == set(LANGUAGES) == set(one["measures"]["retrieval"])
    for code, measured in one["measures"]["retrieval"].items():
        both = [measured[way]["R@1"] for way in ("to text", "to picture")]
        assert one["scores"][code] == pytest.approx(np.mean(both), abs=1e-4)
        assert all(1 <= measured[way]["median"] <= 12 for way in measured)
    assert len(one["dev"]) == 2 and one["epoch"] == 1 and one["config"]["batch"] == 32
    assert made_by("salt", seed=1)["measures"] != one["measures"]


def test_conditions_of_a_seed_start_alike_and_see_the_same_order(monkeypatch, made):
    seen = {}

    def noted(pictures, texts, scale, facts):
        seen.setdefault(now, []).append((texts.detach(), facts))
        return torch.zeros((), requires_grad=True) * texts.sum()

    monkeypatch.setattr(run, "info_nce", noted)
    for now in ("baseline", "salt", "dictionary"):
        made_by(now)
    base, salt, true = (seen[name] for name in ("baseline", "salt", "dictionary"))
    assert all(torch.equal(a[1], b[1]) for a, b in zip(base, salt, strict=True))
    assert len(base) == len(salt) == len(true) == 2 * 3  # equal steps
    assert not torch.allclose(base[0][0], salt[0][0])  # augmented
    # Of two epochs 70 %, rounded up, are augmented: both.
    assert not torch.allclose(base[-1][0], salt[-1][0])


def test_the_baseline_substitutes_nothing(pieces):
    assert not len(run.choices(small.WORLD, CONDITIONS["baseline"], CONFIG).tokens)
    assert not len(run.choices(small.WORLD, CONDITIONS["parallel-1"], CONFIG).tokens)


def test_the_dictionary_has_true_translations_and_synonyms_alone(pieces):
    every = set()
    for word, options in substitutions("dictionary", pieces):
        for (other,) in options:
            found = {
                c for c in LANGUAGES if concept_of()[word] in concepts_of_form(c).get(other, ())
            }
            assert found and other != word
            every |= found
    assert len(every) > 10


def test_salt_has_what_is_distilled_and_no_synonym_of_a_function_word(pieces):
    table = predictions.read_all(run.predictions_path(small.WORLD))
    word_of = {i: word for word, i in pieces.items()}
    pairs = {(word_of[s], word_of[t]) for s, t in zip(table["source"], table["token"], strict=True)}
    english = set(words_by_language(small.SETUP.checkpoint)["en"])
    seen = list(substitutions("salt", pieces))
    assert seen
    for word, options in seen:
        assert {(word, other) for (other,) in options} <= pairs
        kind = lexicon()[concept_of()[word]].kind if word in concept_of() else "other"
        others = {other for (other,) in options}
        foreign = {w for c, ws in words_by_language(small.SETUP.checkpoint).items() for w in ws
                   if c != "en"}  # fmt: skip
        assert kind != "function" or others <= foreign or not others & english
    judged = quality.judge(table, small.captioned("train"), pieces)
    assert len(judged)  # made of these captions


def test_the_random_control_keeps_the_kind_of_word_and_not_the_word(pieces):
    salt = dict(enumerate(substitutions("salt", pieces)))
    kinds = {}
    for word, options in salt.values():
        kind = lexicon()[concept_of()[word]].kind if word in concept_of() else "other"
        kinds.setdefault(kind, set()).update(other for (other,) in options)
    exchanged = 0
    for number, (word, options) in enumerate(substitutions("salt-random-kind", pieces)):
        kind = lexicon()[concept_of()[word]].kind if word in concept_of() else "other"
        assert word == salt[number][0] and len(options) == len(salt[number][1])
        for row, (distilled,) in zip(options, salt[number][1], strict=True):
            assert set(row) <= kinds[kind]
            exchanged += distilled not in row
    assert exchanged


def test_the_deranged_control_exchanges_a_word_always_for_the_same_other(pieces):
    salt, deranged = (list(substitutions(n, pieces)) for n in ("salt", "salt-deranged"))
    assert [(w, len(o)) for w, o in salt] == [(w, len(o)) for w, o in deranged]
    moved = [
        (a, b)
        for (_, ours), (_, theirs) in zip(salt, deranged, strict=True)
        for (a,), (b,) in zip(ours, theirs, strict=True)
    ]
    assert moved and sum(a == b for a, b in moved) < 0.2 * len(moved)
    assert sorted({b for _, b in moved}) == sorted({a for a, _ in moved})


def test_parallel_captions_are_nested_and_no_more_than_there_are():
    many, few = run.parallel_facts(50, 20, 3), run.parallel_facts(50, 5, 3)
    assert torch.equal(many[:5], few) and len(set(many.tolist())) == 20
    assert not torch.equal(many, run.parallel_facts(50, 20, 4))
    with pytest.raises(SaltError, match="51 parallel captions of 50"):
        run.parallel_facts(50, 51, 0)


def test_half_of_a_batch_is_of_parallel_captions_in_all_languages():
    rows, facts = torch.arange(4000) % 50, torch.tensor([7, 9])
    dice = torch.Generator().manual_seed(0)
    mixed = run.mixed_in(rows, 50, facts, dice)
    hit = mixed >= 50
    assert 0.46 < hit.float().mean() < 0.54
    assert torch.equal(mixed[~hit], rows[~hit]) and set((mixed[hit] % 50).tolist()) == {7, 9}
    languages = torch.bincount(mixed[hit] // 50, minlength=17)
    assert languages[0] == 0 and (languages[1:] > 80).all()
    assert torch.equal(run.mixed_in(rows, 50, facts[:0], dice), rows)


def test_a_row_of_the_translations_is_its_fact_in_its_language():
    joined, size = run.translations(small.WORLD), small.CAPTIONS["train"]
    assert len(joined) == 17 * size
    for place, code in enumerate(("en", *run.TARGETS)):
        alone = small.captioned("train", code)
        for fact in (0, 5, size - 1):
            assert torch.equal(joined.row(place * size + fact), alone.row(fact)), code


def test_what_is_taught_learns_the_teacher_s_vectors_and_sees_no_picture(monkeypatch, made):
    monkeypatch.setattr(run, "info_nce", None)  # would fail
    asked = []

    def noted(students, teachers):
        asked.append(teachers)
        return ((students - teachers) ** 2).sum(dim=1).mean()

    monkeypatch.setattr(run, "distillation", noted)
    every = replace(CONDITIONS["taught-100"], share=1.0)
    blind = made._replace(train=torch.full_like(made.train, torch.nan))
    monkeypatch.setattr(run, "views", lambda world: blind)
    result = run.train(small.WORLD, every, 0, CONFIG)
    assert result["scores"] and len(asked) == 6
    teachers = {tuple(row.tolist()) for row in made.teacher}
    assert {tuple(row.tolist()) for batch in asked for row in batch} <= teachers


def test_a_loss_that_is_no_number_is_said(monkeypatch):
    monkeypatch.setattr(run, "info_nce", lambda *_: torch.tensor(float("nan")))
    with pytest.raises(SaltError, match="baseline, seed 3: the loss is nan in step 1; lower"):
        made_by("baseline", seed=3)


def test_every_condition_goes_through():
    small_shares = {name: replace(row, share=0.25) for name, row in CONDITIONS.items() if row.share}
    config = replace(CONFIG, epochs=1)
    for name, row in {**CONDITIONS, **small_shares}.items():
        result = run.train(small.WORLD, row, 0, config)
        assert set(result["scores"]) == set(LANGUAGES), name
