"""The tiny mBERT is made from monolingual text alone, is a real BERT, and can be interrupted."""

import inspect
import json
import random
import subprocess
import sys
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from small import RECIPE

from salt_lib.errors import SaltError
from salt_lib.laboratory.alignment import alignment
from salt_lib.laboratory.minibabel.facts import World
from salt_lib.laboratory.minibabel.lexicon import concept_of, forms, lexicon
from salt_lib.languages import LANGUAGES
from salt_lib.models import classifiers, loading
from salt_lib.pretraining import data as pretraining_data
from salt_lib.pretraining import loop as pretraining_loop
from salt_lib.pretraining import wordpiece
from salt_lib.pretraining.data import Text, assemble, epoch_pairs, mask_tokens, tokenize
from salt_lib.pretraining.loop import Recipe, losses, pretrain_on
from salt_lib.pretraining.wordpiece import CLS, MASK, MAX_LENGTH, PAD, SEP, SPECIAL, train_tokenizer
from salt_lib.salt import vocabulary as salt_vocabulary

# The tokenizer


def test_pieces_keep_accents_vowel_signs_and_whole_words():
    words = ["บ้าน", "हिन्दी", "मूँछ", "động_vật", "été", "ß", "bibliothèque", "Hund", "hund", "кóт"]
    words += ["图书馆", "自行车", "ジャガイモ", "आँख", "น้ำ", "İstanbul", "çay", "كتاب", "گھر"]
    tokenizer = train_tokenizer({"xx": [" ".join(words)] * 20}, 2000)
    for word in words:
        assert tokenizer.tokenize(word) == [word]
    found = tokenizer(" ".join(words), add_special_tokens=False)
    assert tokenizer.convert_ids_to_tokens(found["input_ids"]) == words
    assert tokenizer.model_max_length == MAX_LENGTH
    ids = [tokenizer.get_vocab()[name] for name in SPECIAL]
    assert ids == [0, 1, 2, 3, 4] == [PAD, 1, CLS, SEP, MASK]
    assert (tokenizer.cls_token_id, tokenizer.sep_token_id) == (CLS, SEP)
    assert (tokenizer.pad_token_id, tokenizer.mask_token_id) == (PAD, MASK)


def test_rare_words_split_and_come_back():
    lines = {"xx": ["hospital hospitality"] * 30 + ["inhospitable hospitals"]}
    tokenizer = train_tokenizer(lines, 40)
    assert tokenizer.tokenize("hospital") == ["hospital"]
    pieces = tokenizer.tokenize("inhospitable")
    assert len(pieces) > 1 and pieces[1].startswith("##")
    assert "".join(piece.removeprefix("##") for piece in pieces) == "inhospitable"
    assert tokenizer.tokenize("Ω") == ["[UNK]"]


def test_every_entry_is_used():
    lines = {"xx": ["hospital house"] * 30, "yy": ["Haus"] * 3}
    tokenizer = train_tokenizer(lines, 200)
    used = {p for w in ("hospital", "house", "Haus") for p in tokenizer.tokenize(w)}
    assert set(tokenizer.get_vocab()) == used | set(SPECIAL)


TIES = """
import json, random
from salt_lib.pretraining.wordpiece import train_tokenizer
dice = random.Random(0)
words = ["".join(dice.choices("abcdefghijklmnopqrst", k=6)) for _ in range(400)]
print(json.dumps([train_tokenizer({"xx": words * 3}, size).get_vocab() for size in (150, 300)]))
"""


def test_the_same_text_gives_the_same_tokenizer_in_every_process():
    """Though nearly all merges are equally frequent, and hash tables are ordered by chance."""
    command = [sys.executable, "-c", TIES]
    made = [subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2)]
    found = [json.loads(vocabularies) for vocabularies in made]
    assert found[0] == found[1]
    dice = random.Random(0)
    words = ["".join(dice.choices("abcdefghijklmnopqrst", k=6)) for _ in range(400)]
    for pieces, size in zip(found[0], (150, 300), strict=True):
        for _ in range(3):
            assert train_tokenizer({"xx": words * 3}, size).get_vocab() == pieces


def test_a_small_corpus_gets_more_than_its_share():
    large = [f"word{i:03d}" for i in range(300)]
    small = [f"слово{i:02d}" for i in range(40)]
    lines = {"en": [" ".join(large[i::10]) for i in range(10)] * 3, "bg": [" ".join(small)] * 3}

    def whole(smoothing):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(wordpiece, "SMOOTHING", smoothing)
            tokenizer = train_tokenizer(lines, 250)
        return sum(tokenizer.tokenize(word) == [word] for word in small)

    assert whole(wordpiece.SMOOTHING) > whole(1.0)


def test_marks_are_words_of_their_own_where_wanted():
    lines = {"en": ["The dog, the cat. động_vật"] * 20}
    assert train_tokenizer(lines, 300).tokenize("động_vật dog,") == ["động_vật", "dog,"]
    assert "," in train_tokenizer(lines, 300, punctuation=True).tokenize("dog,")


def test_the_tiny_tokenizer_knows_words_of_every_script(tiny):
    tokenizer, own = loading.tokenizer(tiny / "world-0"), words_of(tiny)
    for code in LANGUAGES:
        forms = {f for item in lexicon().values() for f in item.forms[code]}
        whole = [word for word in own[code] if tokenizer.tokenize(word) == [word]]
        assert len(set(whole) & forms) > 10, code
        for form in forms:
            assert "[UNK]" not in tokenizer.tokenize(form) or form not in own[code]


def words_of(tiny):
    return json.loads((tiny / "world-0" / "vocabulary.json").read_text(encoding="utf-8"))


# Pairs of sentences and masks


@pytest.fixture(scope="module")
def text():
    """Two languages: 40 and 20 documents of three sentences of 3 to 7 made-up tokens."""
    dice = np.random.default_rng(0)
    length = torch.tensor(dice.integers(3, 8, size=180))
    ids = torch.zeros(180, 30, dtype=torch.int16)
    for i, n in enumerate(length.tolist()):
        low = 10 if i < 120 else 60
        ids[i, :n] = torch.tensor(dice.integers(low, low + 40, size=n))
    pieces = [torch.arange(10, 50), torch.arange(60, 100)]
    return Text(ids, length, {"de": (0, 120), "sw": (120, 180)}, 3, pieces)


def test_half_of_the_pairs_follow_and_all_are_in_one_language(text):
    follows, again = [], []
    for epoch in range(30):
        pairs = np.concatenate(epoch_pairs(text, 0, epoch, 4))
        assert len(pairs) == 120  # every first and second sentence of a document begins one pair
        assert sorted(pairs[:, 0]) == [i for i in range(180) if i % 3 < 2]
        first, second, label = pairs.T
        assert ((first < 120) == (second < 120)).all()
        document = first // 3 == second // 3
        assert (document == (label == 1)).all()
        assert (second - first)[label == 1].tolist() == [1] * label.sum()
        follows += label.tolist()
        again.append(pairs.tolist())
    # A partner drawn from the same document counts as following: 1 in 40 and 1 in 20 of the others.
    assert abs(np.mean(follows) - 0.5) < 0.03
    assert again[0] != again[1]
    assert again[0] == np.concatenate(epoch_pairs(text, 0, 0, 4)).tolist()
    assert again[0] != np.concatenate(epoch_pairs(text, 1, 0, 4)).tolist()


def test_sentences_that_do_not_follow_may_come_from_the_neighbour(text):
    far = np.concatenate(epoch_pairs(text, 0, 0, 4, neighbours=0.0))
    near = np.concatenate(epoch_pairs(text, 0, 0, 4, neighbours=1.0))
    beside = [
        # The neighbour's sentence at the place where the document's own would stand.
        ((p[:, 1] // 3 == p[:, 0] // 3 ^ 1) & ((p[:, 1] - p[:, 0] - 1) % 3 == 0))[p[:, 2] == 0]
        for p in (far, near)
    ]
    assert beside[0].mean() < 0.1 and beside[1].all()
    assert abs(near[:, 2].mean() - 0.5) < 0.1
    odd = Text(text.ids[:9], text.length[:9], {"de": (0, 9)}, 3, text.pieces[:1])
    last = np.concatenate(epoch_pairs(odd, 0, 0, 1, neighbours=1.0))  # the third has no neighbour
    assert last[:, :2].max() < 9


def test_the_first_layer_may_begin_as_a_comparison(tmp_path):
    """A token reads what is like itself and subtracts it; the second layer is random as ever."""
    for mimetic in (False, True):
        recipe = replace(
            LITTLE, layers=2, mimetic=mimetic, steps=1, learning_rate=0.0, word_learning_rate=0.0
        )
        make(tmp_path / str(mimetic), recipe)
        state = load_file(tmp_path / str(mimetic) / "model.safetensors")
        compares = []
        for layer in range(2):
            name = f"bert.encoder.layer.{layer}.attention.{{}}.weight"
            query, key, value = (state[name.format(f"self.{p}")] for p in ("query", "key", "value"))
            output = state[name.format("output.dense")]
            minus = torch.allclose(output @ value, -torch.eye(recipe.hidden), atol=1e-5)
            compares.append((torch.equal(query, key), minus))
        assert compares == [(mimetic, mimetic), (False, False)]


def test_batches_are_full_and_of_like_length(text):
    found = epoch_pairs(text, 0, 0, 16)
    assert [len(b) for b in found] == [16] * 7
    total = [text.length[b[:, 0]] + text.length[b[:, 1]] for b in found]
    assert np.mean([int(t.max() - t.min()) for t in total]) < 3


def test_pairs_are_put_together_as_berts_are():
    ids = torch.tensor([[11, 12, 13, 0], [21, 0, 0, 0], [31, 32, 33, 34]], dtype=torch.int16)
    text = Text(ids, torch.tensor([3, 1, 4]), {"en": (0, 3)}, 3, [])
    found, segments, inside = assemble(text, torch.tensor([[0, 1], [1, 2], [2, 0]]))
    assert found.tolist() == [
        [CLS, 11, 12, 13, SEP, 21, SEP, PAD, PAD, PAD],
        [CLS, 21, SEP, 31, 32, 33, 34, SEP, PAD, PAD],
        [CLS, 31, 32, 33, 34, SEP, 11, 12, 13, SEP],
    ]
    assert segments.tolist() == [
        [0, 0, 0, 0, 0, 1, 1, 0, 0, 0],
        [0, 0, 0, 1, 1, 1, 1, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 1, 1, 1, 1],
    ]
    assert inside.tolist() == (found != PAD).long().tolist()


def test_masking_at_its_rates():
    ids = torch.randint(5, 1000, (300, 40), generator=torch.Generator().manual_seed(0))
    ids[:, 0], ids[:, -1], ids[:, 20] = CLS, PAD, SEP
    noise = torch.randint(1000, 2000, ids.shape, generator=torch.Generator().manual_seed(2))
    inputs, chosen = mask_tokens(ids, noise, 0.4, 0.1, 0.2, torch.Generator().manual_seed(1))
    special = ids < len(SPECIAL)
    assert not chosen[special].any() and torch.equal(inputs[~chosen], ids[~chosen])
    assert abs(chosen[~special].float().mean() - 0.4) < 0.02
    now, before = inputs[chosen], ids[chosen]
    hidden, kept = now == MASK, now == before
    assert abs(hidden.float().mean() - 0.7) < 0.02 and abs(kept.float().mean() - 0.1) < 0.02
    other = ~hidden & ~kept
    assert torch.equal(now[other], noise[chosen][other]) and other.sum() > 400
    again = mask_tokens(ids, noise, 0.4, 0.1, 0.2, torch.Generator().manual_seed(1))
    assert torch.equal(again[0], inputs)


def test_noise_is_of_the_language(text):
    language = torch.tensor([0, 1] * 50)
    noise = pretraining_data.draw_noise(text, language, 30, torch.Generator().manual_seed(0))
    assert noise.shape == (100, 30)
    for code, own in enumerate(text.pieces):
        assert set(noise[language == code].flatten().tolist()) == set(own.tolist())


def test_sentences_become_rows():
    tokenizer = train_tokenizer({"de": ["a b c"] * 9, "sw": ["d e"] * 9}, 50)
    found = tokenize(tokenizer, {"de": [["a", "b c"], ["a a", "c"]], "sw": [["d e d", "d"]]})
    ids = tokenizer.get_vocab()
    assert found.start == {"de": (0, 4), "sw": (4, 6)} and found.document == 2
    assert found.length.tolist() == [1, 2, 2, 1, 3, 1]
    assert found.ids[4, :4].tolist() == [ids["d"], ids["e"], ids["d"], PAD]
    assert found.pieces[0].tolist() == sorted(ids[w] for w in "abc")
    assert found.pieces[1].tolist() == sorted(ids[w] for w in "de")
    long = tokenize(tokenizer, {"de": [["a " * 50, "b"]]})
    assert long.length.tolist() == [(MAX_LENGTH - 3) // 2, 1]  # two of them always fit


def test_the_losses_are_what_they_say(text):
    """Of a model that knows nothing; and with a language's own words, fewer compete."""
    config = pretraining_loop.BertConfig(
        vocab_size=100,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=MAX_LENGTH,
    )
    torch.manual_seed(0)
    model = pretraining_loop.BertForPreTraining(config).eval()
    with torch.no_grad():
        for parameter in model.cls.parameters():
            parameter.zero_()
    pairs = torch.from_numpy(epoch_pairs(text, 0, 0, 100)[0])
    for softmax, words in (("language", 40), ("all", 100)):
        recipe = Recipe(softmax=softmax)
        mlm, nsp = losses(model, text, pairs, recipe, torch.Generator().manual_seed(0))
        assert mlm.item() == pytest.approx(np.log(words), rel=1e-5)
        assert nsp.item() == pytest.approx(np.log(2), rel=1e-5)
    # Sure that each second sentence follows: the share that does is right.
    with torch.no_grad():
        model.cls.seq_relationship.bias[0] = 50.0  # class 0: follows, as in BERT
    _, nsp = losses(model, text, pairs, Recipe(), torch.Generator().manual_seed(0))
    assert nsp.item() == pytest.approx(50 * (1 - pairs[:, 2].float().mean().item()), rel=1e-4)


# The whole


TEXTS = {
    "de": [["Hund sieht Katze", "Tier ist alt"], ["Katze isst Fisch", "Fisch ist gut"]] * 30,
    "sw": [["mbwa kuona paka", "mnyama kuukuu"], ["paka kula samaki", "samaki nzuri"]] * 10,
}
LITTLE = replace(RECIPE, steps=12, batch=16, evaluate_every=4, vocabulary=200, learning_rate=3e-3)


def make(out, recipe=LITTLE, texts=TEXTS, **options):
    return pretrain_on(texts, out, recipe, device="cpu", progress=False, **options)


FILES = {
    "config.json",
    "curve.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocabulary.json",
}


def test_what_is_written(tiny):
    folder = tiny / "world-0"
    assert {path.name for path in folder.iterdir()} == FILES
    curve = json.loads((folder / "curve.json").read_text())
    assert curve["seed"] == 0 and curve["recipe"] == asdict(RECIPE)
    assert [row["step"] for row in curve["curve"]] == [10, 20]
    for row in curve["curve"]:
        assert set(row["alignment"]) == set(LANGUAGES) - {"en"}
        assert 3 < row["masked_word_loss"] < 9 and 0.3 < row["next_sentence_loss"] < 1.5
    own = words_of(tiny)
    assert set(own) == set(LANGUAGES) and min(n for w in own.values() for n in w.values()) >= 10
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"] == ["BertForPreTraining"] and config["hidden_size"] == 32
    names = set(load_file(folder / "model.safetensors"))
    assert "bert.pooler.dense.weight" in names  # segments and pooler belong to the checkpoint
    assert "bert.embeddings.token_type_embeddings.weight" in names
    assert "cls.predictions.decoder.weight" not in names  # tied


def test_it_is_loaded_as_it_was_saved(tmp_path):
    kept = []
    make(tmp_path, look=lambda model, *_: kept.append(model) or {})
    loaded = loading.masked_lm(tmp_path)
    ids = torch.tensor([[CLS, 7, MASK, 9, SEP]])
    with torch.no_grad():
        expected = kept[-1].eval()(ids).prediction_logits
        assert torch.allclose(loaded(ids).logits, expected, atol=1e-6)
    head = classifiers.classifier(tmp_path, 2, 0, 0.0)
    pooler = kept[-1].bert.pooler.dense.weight
    assert torch.equal(head.bert.pooler.dense.weight, pooler)


def contents(folder):
    """Every file, but without the seconds that it took."""
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    curve = json.loads(found.pop("curve.json"))
    for row in curve["curve"]:
        row.pop("seconds")
    return found, curve


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("recipe", [LITTLE, replace(LITTLE, steps=10, evaluate_every=4, batch=40)])
@pytest.mark.parametrize("last", [1, 2, 3])
def test_an_interrupted_pretraining_ends_as_an_uninterrupted_one(tmp_path, recipe, last):
    make(tmp_path / "whole", recipe)
    looks = []

    def look(*_):
        looks.append(1)
        if len(looks) == last:  # before this evaluation is saved: its steps are done again
            raise Interrupted
        return {}

    with pytest.raises(Interrupted):
        make(tmp_path / "parts", recipe, look=look)
    resumed = []
    make(tmp_path / "parts", recipe, look=lambda *_: resumed.append(1) or {})
    assert len(resumed) == 3 - (last - 1)  # what was saved isn't done again
    assert contents(tmp_path / "whole") == contents(tmp_path / "parts")
    assert set(contents(tmp_path / "parts")[0]) == FILES - {"curve.json"}


def test_a_crash_while_saving_loses_nothing(tmp_path, monkeypatch):
    """A checkpoint counts once its curve is written; until then the one before does."""
    make(tmp_path / "whole")
    plain, saved = pretraining_loop.save_tensors, []

    def save(path, tensors):
        saved.append(path.name)
        if len(saved) == 4:  # the second evaluation's optimizer
            raise Interrupted
        plain(path, tensors)

    monkeypatch.setattr(pretraining_loop, "save_tensors", save)
    with pytest.raises(Interrupted):
        make(tmp_path / "parts")
    monkeypatch.setattr(pretraining_loop, "save_tensors", plain)
    kept = {path.name for path in (tmp_path / "parts" / "resume").iterdir()}
    assert {"model-4.safetensors", "optimizer-4.safetensors", "curve.json"} <= kept
    make(tmp_path / "parts")
    assert contents(tmp_path / "whole") == contents(tmp_path / "parts")


def test_what_another_recipe_has_left_is_not_gone_on_with(tmp_path):
    def look(*_):
        looks.append(1)
        if len(looks) == 2:
            raise Interrupted
        return {}

    looks = []
    with pytest.raises(Interrupted):
        make(tmp_path, look=look)
    other = replace(LITTLE, learning_rate=1e-3)
    with pytest.raises(SaltError, match="resume: left by another recipe, seed or text; remove it"):
        make(tmp_path, other)
    with pytest.raises(SaltError, match="left by another recipe"):
        make(tmp_path, seed=1)
    with pytest.raises(SaltError, match="left by another recipe"):
        make(tmp_path, texts={**TEXTS, "tr": [["kedi görmek", "balık"]] * 12})
    make(tmp_path, other, resume=False)
    make(tmp_path / "afresh", other)
    (tmp_path / "all").mkdir()
    for path in list(tmp_path.iterdir()):
        if path.name in FILES:
            path.rename(tmp_path / "all" / path.name)
    assert contents(tmp_path / "all") == contents(tmp_path / "afresh")
    assert not (tmp_path / "resume").exists()


def test_seeds(tmp_path):
    one, two, other = (contents_of(tmp_path / str(i), seed) for i, seed in enumerate((0, 0, 1)))
    assert one == two
    assert one["tokenizer.json"] == other["tokenizer.json"]
    assert one["model.safetensors"] != other["model.safetensors"]


def contents_of(folder, seed):
    make(folder, seed=seed)
    return contents(folder)[0]


def test_pretraining_trains(tmp_path):
    last = make(tmp_path, replace(LITTLE, steps=60, evaluate_every=30, learning_rate=1e-2))
    first = json.loads((tmp_path / "curve.json").read_text())["curve"][0]
    assert last["masked_word_loss"] < first["masked_word_loss"] < np.log(20)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({}, "an empty corpus: no sentence in any language"),
        ({"de": TEXTS["de"], "sw": []}, "an empty corpus: no sentence in sw"),
        ({"de": [["Hund", "Katze"]] * 2}, "corpus of 'de' has no word that occurs 10 times"),
        ({"de": [["Hund", "Katze"]] * 15}, "too little text: 15 pairs .* batches of 16"),
        ({"de": [*TEXTS["de"], ["Hund"]]}, "documents of unequal length in de"),
        ({**TEXTS, "sw": [["mbwa", "paka", "samaki"]] * 20}, "documents of unequal length in sw"),
    ],
)
def test_unfit_text(tmp_path, texts, message):
    with pytest.raises(SaltError, match=message):
        pretrain_on(texts, tmp_path, LITTLE, device="cpu", progress=False)
    assert not list(tmp_path.iterdir())


def test_a_single_step(tmp_path):
    last = make(tmp_path, replace(LITTLE, steps=1))
    assert last["step"] == 1 and {path.name for path in tmp_path.iterdir()} == FILES


def test_a_large_vocabulary_does_not_wrap_around():
    class Many:
        def __len__(self):
            return 60_000

        class backend_tokenizer:
            def encode_batch(lines, add_special_tokens):
                return [SimpleNamespace(ids=[50_000, 7]) for _ in lines]

    assert tokenize(Many(), {"de": [["a", "b"]]}).ids[0, :3].tolist() == [50_000, 7, 0]


def test_no_label_and_no_lexicon_enters_the_training(text):
    """The words of all languages go in side by side; what belongs together nobody says."""
    taken = set(inspect.signature(pretrain_on).parameters)
    assert taken == {
        *("texts", "out", "recipe", "seed", "punctuation", "look", "resume", "device", "progress")
    }
    for module in (pretraining_data, wordpiece, salt_vocabulary):
        source = inspect.getsource(module)
        assert "lexicon" not in source and "tasks" not in source
    assert "lexicon import" not in inspect.getsource(pretraining_loop)


def test_looking_at_the_alignment_does_not_touch_the_training(tmp_path, tiny):
    def look(model, tokenizer, own):
        assert set(own) == {"de", "sw"} and not model.training
        before = torch.random.get_rng_state()
        with torch.no_grad():
            model(torch.tensor([[CLS, SEP]]))
        assert torch.equal(before, torch.random.get_rng_state())
        return {"looked": True}

    make(tmp_path / "looked", look=look)
    make(tmp_path / "plain")
    looked, plain = contents(tmp_path / "looked"), contents(tmp_path / "plain")
    assert looked[0] == plain[0] and looked[1]["curve"][0].pop("looked")


def test_alignment_counts_true_translations(tiny):
    """A model that reads a dictionary is right always; one that reads a wrong one, never."""
    folder = tiny / "world-0"
    tokenizer, own = loading.tokenizer(folder), words_of(tiny)
    pieces, size = tokenizer.get_vocab(), len(tokenizer)
    entry = {i: piece for piece, i in pieces.items()}
    table = torch.zeros(size, size)
    known = {w: c for w, c in concept_of().items() if w in pieces}
    codes = ("de", "sw", "ja")
    wanted = {code: dict(own[code]) for code in codes}
    for word in known:
        for code in codes:
            if forms(code)[word] in pieces:
                table[pieces[word], pieces[forms(code)[word]]] = 1.0
                wanted[code][forms(code)[word]] = 10

    def model(table):
        def bert(ids, attention_mask):
            return SimpleNamespace(last_hidden_state=torch.nn.functional.one_hot(ids, size).float())

        cls = SimpleNamespace(predictions=lambda hidden: hidden @ table)
        return SimpleNamespace(bert=bert, cls=cls, device=torch.device("cpu"))

    vocabulary = {code: {w: n for w, n in wanted[code].items()} for code in codes}
    right = alignment(model(table), tokenizer, {**vocabulary, "en": own["en"]}, World(0), 60)
    wrong = alignment(model(-table), tokenizer, vocabulary, World(0), 60)
    assert set(right) == set(codes)
    assert max(wrong.values()) < 0.1 and min(right.values()) > 0.3
    assert entry[0] == "[PAD]"
