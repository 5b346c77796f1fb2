"""A run learns what it is shown, is the same twice, and says what its pretraining was."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from small_programs import DOCUMENTS, RECIPE

from salt_lib.errors import SaltError
from salt_lib.laboratory.programs import cells, data, measures, run
from salt_lib.laboratory.programs.model import Parser, loss, targets
from salt_lib.languages import LANGUAGES
from salt_lib.models import loading
from salt_lib.salt.methods import method
from salt_lib.salt.vocabulary import words_by_language
from salt_lib.training.loop import Batch

CONFIG = replace(cells.CONFIG, epochs=1, batch=32, threshold=0.0, synonym_threshold=0.0)


def test_a_run_tells_every_language_and_is_the_same_twice(questions):
    one, two = (run.train(questions, "salt", 0, CONFIG, width=2) for _ in range(2))
    assert {k: v for k, v in one.items() if k != "seconds"} == {
        k: v for k, v in two.items() if k != "seconds"
    }
    assert set(one["scores"]) == set(DOCUMENTS) == set(one["measures"]["beam"])
    assert one["scores"] == {c: m["execution"] for c, m in one["measures"]["greedy"].items()}
    assert len(one["dev"]) == 1 and one["epoch"] == 0 and one["config"]["decoder_rate"] > 0


def test_it_learns_programs_by_heart_and_exact_match_is_what_decoding_finds(questions):
    """Enough steps on one program: what is wrong is then no matter of too little training."""
    config = replace(CONFIG, epochs=3, batch=7, learning_rate=5e-3)
    program = ("any", "where", "agent=", "dog")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "DECODER_RATE", 5e-3)
        model, dev = run.fit(questions, method("baseline"), config, wanted=[program] * 140)
    rows = questions.encoded("dev", "de")
    assert run.written(model, rows) == [list(program)] * len(rows)
    assert run.exact(model, rows, [program] * len(rows)) == 1.0
    # Another word, a word less, a word more: none of them is exact.
    others = [("any", "where", "agent=", "cat"), program[:3], (*program, "dog")]
    for other in others:
        mixed = [other if i % 3 else program for i in range(len(rows))]
        assert run.exact(model, rows, mixed) == pytest.approx(7 / 21)
    assert dev[-1] == 0.0  # none of the questions has this program


def test_a_blind_decoder_is_as_good_as_the_best_single_program_at_most(questions):
    model, _ = run.fit(questions, method("baseline"), CONFIG, reader="blind")
    found = run.written(model, questions.encoded("test", "en"))
    assert len({tuple(words) for words in found}) == 1
    judges = data.judges(100, "test")
    own = [*data.programs(100, "test"), *data.programs(100, "train"), found[0]]
    bound, _ = measures.best_single(own, judges, most=len(own))
    told = measures.measures(found, data.programs(100, "test"), judges)
    assert told["execution"] <= bound + 1e-4 and bound < 0.3


def test_the_checks_say_what_reading_is_worth(questions):
    found = run.checks(questions, 0, CONFIG)
    assert set(found) == {"bag", "blind", "best single program"}
    assert 0 <= found["blind"] <= found["best single program"] < 0.5


def test_salt_substitutes_what_is_distilled_and_no_synonym_of_a_function_word(questions):
    assert not len(run.choices(questions, method("baseline"), CONFIG).tokens)
    options = run.choices(questions, method("salt"), CONFIG)
    word_of = {i: w for w, i in loading.tokenizer(questions.checkpoint).get_vocab().items()}
    known = {w for of in words_by_language(questions.checkpoint).values() for w in of}
    train = questions.encoded("train", "en")
    english = set(words_by_language(questions.checkpoint)["en"])
    seen = 0
    for at in options.count.nonzero()[:, 0].tolist():
        source = word_of[int(train.ids[at])]
        first = int(options.start[at])
        others = {
            word_of[int(t)] for t in options.tokens[first : first + int(options.count[at]), 0]
        }
        assert source in english and others <= known and source not in others
        if source in ("the", "is", "in", "near", "with"):
            foreign = {w for c, of in words_by_language(questions.checkpoint).items() for w in of
                       if c != "en"}  # fmt: skip
            assert others <= foreign
        seen += 1
    assert seen > 100
    with pytest.raises(SaltError, match="distilled substitutions alone"):
        run.choices(questions, method("dictionary"), CONFIG)


def test_methods_of_a_seed_start_alike_and_see_the_same_order(questions, monkeypatch):
    seen: dict[str, list] = {}
    real = run.loss

    def noted(scores, wanted):
        seen.setdefault(now, []).append(wanted)
        return real(scores, wanted)

    monkeypatch.setattr(run, "loss", noted)
    for now in ("baseline", "salt"):
        run.fit(questions, method(now), CONFIG)
    assert len(seen["baseline"]) == len(seen["salt"]) == 2 * 5  # batches in two parts
    assert all(torch.equal(a, b) for a, b in zip(seen["baseline"], seen["salt"], strict=True))


def test_gradients_of_the_parts_are_those_of_the_batch(questions):
    torch.manual_seed(0)
    model, own = Parser(questions.checkpoint), data.programs(100, "train")
    train = questions.encoded("train", "en")
    rows = torch.arange(30)
    found = run.gradients(model, Batch(train, train.ids, rows), own)
    ours = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    wanted = targets(own, rows)
    whole = loss(model(*model.read(train, train.ids, rows), wanted[:, :-1]), wanted)
    whole.backward()
    assert found == pytest.approx(whole.item(), rel=1e-5) and len(ours) > 20
    for name, p in model.named_parameters():
        if name in ours:
            assert torch.allclose(ours[name], p.grad, atol=1e-6), name


def test_a_loss_that_is_no_number_is_said(questions, monkeypatch):
    monkeypatch.setattr(run, "loss", lambda scores, wanted: scores.sum() * float("nan"))
    with pytest.raises(SaltError, match="baseline, seed 3: the loss is nan in step 1; lower"):
        run.fit(questions, method("baseline"), CONFIG, 3)


def test_a_study_s_run_pretrains_its_encoder_and_checks_one_cell(questions, monkeypatch):
    name = run.CHECKED[0]
    made = []

    def pretrain(world, documents, recipe, out, device):
        made.append((world, documents, recipe, device))

    monkeypatch.setattr(run.encoders, "pretrain", pretrain)
    monkeypatch.setattr(run, "encoder_path", lambda *_: questions.checkpoint)
    monkeypatch.setattr(run, "SPOKEN", tuple(DOCUMENTS))
    monkeypatch.setattr(run, "checks", lambda asked, seed: {"bag": 0.1})
    monkeypatch.setattr(run, "train", lambda asked, way, seed: {"measures": {"of": way}})
    for task, way in ((name, "baseline"), (name, "salt"), ("2.5M-poor-16", "baseline")):
        job = SimpleNamespace(
            spec=SimpleNamespace(world=100, task=task, method=way, seed=0),
            setup=cells.Programs(100),
        )
        found = run.run(job)
        assert found["measures"]["pretraining"]["steps"] == RECIPE.steps
        assert ("checks" in found["measures"]) == ((task, way) == run.CHECKED)
    one = cells.cell("2.5M-poor-16")
    assert made[-1] == (100, one.documents, one.recipe, "cpu") and run.prepare(None) is None
    assert run.CHECKED[0] in cells.CELLS and set(cells.SPOKEN) <= set(LANGUAGES)
