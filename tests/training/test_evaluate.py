"""Tagged sentences: the tags, pieces beside them, F1, and SALT that shifts none."""

import pytest
import torch
from seqeval.metrics import f1_score
from small import forget, tokenizer_of

from salt_lib.data.examples import Tagged, tag
from salt_lib.errors import SaltError
from salt_lib.laboratory import substitutions, tasks
from salt_lib.laboratory.minibabel import views
from salt_lib.laboratory.minibabel.facts import CITIES, NAMES, NUMBERS, Fact
from salt_lib.laboratory.minibabel.grammar import tagged, words
from salt_lib.laboratory.minibabel.lexicon import concepts_of_form, lexicon
from salt_lib.languages import LANGUAGES, XNLI_LANGUAGES
from salt_lib.models.encoding import IGNORE, Encoded, encode
from salt_lib.salt.augment import code_switch, options
from salt_lib.salt.methods import method
from salt_lib.training import evaluate
from salt_lib.training.config import Config
from salt_lib.training.device import Compute
from salt_lib.training.loop import _loss

FACT = Fact(
    "hunter", "see", "cat", "old", "small", None, "5", "near", "temple", "Lagos", "Gita", True
)


def test_tags_by_hand_and_in_another_order():
    said = tagged(FACT, "en")
    assert [t.word for t in said] == (
        "the old hunter not see 5 small cat near the temple Lagos with Gita".split()
    )
    assert views.parts_of_speech(said) == (
        "DET ADJ NOUN PART VERB NUM ADJ NOUN ADP DET NOUN PROPN ADP PROPN".split()
    )
    assert views.iob2(said) == "O O O O O O O O O O B-LOC I-LOC O B-PER".split()
    # Hindi: no article, postpositions, place and company before the object, the verb at the end.
    hindi = tagged(FACT, "hi")
    assert views.parts_of_speech(hindi) == (
        "ADJ NOUN NOUN PROPN ADP PROPN ADP NUM ADJ NOUN PART VERB".split()
    )
    assert views.iob2(hindi) == "O O B-LOC I-LOC O B-PER O O O O O O".split()


def test_a_place_without_a_city_is_no_name():
    said = tagged(FACT._replace(city=None), "en")
    assert views.iob2(said) == [*["O"] * 12, "B-PER"]


def test_neighbouring_names_are_told_apart():
    token = tagged(FACT, "en")[-1]
    assert views.iob2([token._replace(entity="LOC"), token, token._replace(entity="")]) == [
        "B-LOC",
        "B-PER",
        "O",
    ]


@pytest.fixture(scope="module")
def some_facts():
    return views.told(views.World(0), "test", 40, names=False)


@pytest.mark.parametrize("code", LANGUAGES)
def test_parts_of_speech_are_the_lexicons(code, some_facts):
    """Every tag against the kind of the concept that the word names, found by another way."""
    kinds = {"noun": "NOUN", "place": "NOUN", "verb": "VERB", "adjective": "ADJ"}
    functions = {"the": "DET", "not": "PART", "is": "AUX", "with": "ADP", "in": "ADP"}
    functions["near"] = "ADP"
    for told in some_facts:
        said = tagged(told.fact, code, told.fronted)
        assert [t.word for t in said] == words(told.fact, code, told.fronted)
        for token in said:
            if token.word in NUMBERS:
                assert token.pos == "NUM"
            elif token.word in NAMES + CITIES:
                assert token.pos == "PROPN"
            else:
                named = [lexicon()[name] for name in concepts_of_form(code)[token.word]]
                found = {kinds.get(item.kind) or functions[item.name] for item in named}
                assert token.pos in found


def test_the_tasks_are_parallel_and_training_knows_half_of_the_names():
    for name in ("mini-ner", "mini-pos"):
        item = tasks.task(name)
        assert item.tagged and item.languages == XNLI_LANGUAGES and len(item.targets) == 14
        sizes = {len(tasks.load(name, "test", code)) for code in item.languages}
        assert sizes == {item.groups["test"]}
    english, swahili = (tasks.load("mini-ner", "test", code) for code in ("en", "sw"))
    for one, other in zip(english.labels, swahili.labels, strict=True):
        assert sorted(x for x in one if x) == sorted(x for x in other if x)
    names = {"train": set(), "test": set()}
    for split, found in names.items():
        data = tasks.load("mini-ner", split, "en")
        for said in data.words:
            found |= {word for word in said if word in NAMES + CITIES}
    assert names["train"] <= views.KNOWN and not names["test"] <= views.KNOWN
    parts = [tasks.facts("mini-ner", split, 0) for split in tasks.SPLITS]
    facts = [{told.fact for told in part} for part in parts]
    assert not facts[0] & facts[1] and not facts[0] & facts[2] and not facts[1] & facts[2]


def test_wrong_tags_are_errors():
    with pytest.raises(SaltError, match=r"sentence 1: unknown tag 'B-ORG'; known: O, B-PER"):
        tag([(["a"], ["O"]), (["b"], ["B-ORG"])], ("O", "B-PER"))
    with pytest.raises(SaltError, match="sentence 0 has 2 words and 1 tags: 'a b'"):
        Tagged([["a", "b"]], [[0]], ("O",))
    with pytest.raises(SaltError, match="2 sentences, 1 rows of tags"):
        Tagged([["a"], ["b"]], [[0]], ("O",))


# "ab" is two pieces; "cd" is one; "x" is unknown.
TOKENIZER = tokenizer_of("a", "##b", "cd")
NAMES_ = ("O", "B-PER", "I-PER")


def tags_of(encoded: Encoded) -> list[list[str | None]]:
    return [
        [None if label == IGNORE else encoded.tags[label] for label in row.tolist()]
        for row in encoded.labels.split(encoded.lengths.tolist())
    ]


def test_a_word_of_several_pieces_has_one_tag():
    data = tag([(["ab", "cd", "x"], ["B-PER", "I-PER", "O"])], NAMES_)
    found = encode(TOKENIZER, data)
    pieces = TOKENIZER.convert_ids_to_tokens(found.ids.tolist())
    assert pieces == ["[CLS]", "a", "##b", "cd", "[UNK]", "[SEP]"]
    assert tags_of(found) == [[None, "B-PER", None, "I-PER", "O", None]]
    assert found.whole.tolist() == [False, False, False, True, True, False]
    assert len(found) == 1 and found.segments.sum() == 0


def test_a_long_sentence_goes_on_in_another_row_and_no_tag_is_lost():
    said = ["ab", "cd", "ab", "x", "cd"]
    data = tag([(said, ["B-PER", "I-PER", "O", "O", "B-PER"]), (["cd"], ["O"])], NAMES_)
    found = encode(TOKENIZER, data, longest=5)  # three pieces and two special tokens
    assert found.sentence.tolist() == [0, 0, 0, 1] and found.lengths.tolist() == [5, 5, 3, 3]
    assert evaluate.sentences(found, found.labels) == [
        ["B-PER", "I-PER", "O", "O", "B-PER"],
        ["O"],
    ]
    part = found.part(1, 3)
    assert part.ids.tolist() == found.ids[5:13].tolist() and part.sentence.tolist() == [0, 0]
    assert part.start.tolist() == [0, 5, 8] and tags_of(part) == tags_of(found)[1:3]


def test_a_word_of_which_nothing_is_left_keeps_its_tag():
    data = tag([(["\u200b\u200b ", "cd"], ["B-PER", "O"])], NAMES_)
    (row,) = tags_of(encode(TOKENIZER, data))
    assert [t for t in row if t] == ["B-PER", "O"]


def test_no_sentences_are_an_error():
    with pytest.raises(SaltError, match="no sentences to encode"):
        encode(TOKENIZER, Tagged([], [], NAMES_))


class Says(torch.nn.Module):
    """A classifier of tokens that answers a fixed label for each token id."""

    def __init__(self, answers: dict[int, int], labels: int):
        super().__init__()
        self.answers, self.labels = answers, labels

    def forward(self, ids, attention_mask=None, token_type_ids=None):
        logits = torch.zeros(*ids.shape, self.labels)
        for token, label in self.answers.items():
            logits[ids == token, label] = 1.0
        return type("Output", (), {"logits": logits})


def test_f1_by_hand():
    gold = [(["ab", "cd", "x"], ["B-PER", "I-PER", "O"]), (["cd", "ab"], ["O", "B-PER"])]
    found = encode(TOKENIZER, tag(gold, NAMES_))
    a, b, cd = TOKENIZER.convert_tokens_to_ids(["a", "##b", "cd"])
    # "ab" is a name, "cd" goes on with it: right in the first sentence. In the second "cd" opens
    # one that is none, and "ab" follows as another. What is said of "##b" doesn't count.
    model = Says({a: 1, b: 0, cd: 2}, 3)
    # Names found: (0, 0-1), (1, 0), (1, 1); true: (0, 0-1), (1, 1). 2 of 3 found, 2 of 2 there.
    assert evaluate.f1(model, found) == pytest.approx(2 * (2 / 3) * 1 / (2 / 3 + 1))
    assert evaluate.score(model, found) == evaluate.f1(model, found, batch_size=1)
    assert evaluate.f1(Says({}, 3), found) == 0.0
    told = [["B-PER", "I-PER", "O"], ["I-PER", "B-PER"]]
    assert evaluate.f1(model, found) == f1_score([tags for _, tags in gold], told)


def test_f1_of_parts_of_speech_takes_runs_for_names(recwarn):
    # DET | NOUN NOUN | VERB against DET | NOUN | VERB VERB: one of three runs is found.
    gold, found = [["DET", "NOUN", "NOUN", "VERB"]], [["DET", "NOUN", "VERB", "VERB"]]
    assert evaluate.tag_f1(gold, found) == pytest.approx(1 / 3)
    assert not recwarn.list


def test_code_switching_and_mixup_keep_the_tags():
    """SALT changes token ids alone: lengths, places and labels stay what they were."""
    data = tag([(["cd", "ab"], ["B-PER", "O"]), (["cd", "cd"], ["O", "B-PER"])], NAMES_)
    found = encode(TOKENIZER, data)
    places = found.whole.nonzero()[:, 0]
    example = torch.searchsorted(found.start, places, right=True) - 1
    a = TOKENIZER.convert_tokens_to_ids("a")
    choices = options(found, example, places - found.start[example], [[a]] * len(places))
    dice = torch.Generator().manual_seed(0)
    switched = code_switch(found, choices, 1.0, 1.0, dice)
    assert (switched != found.ids).tolist() == found.whole.tolist()
    assert len(switched) == len(found.labels)
    labelled = {
        int(i): found.tags[found.labels[i]] for i in (found.labels != IGNORE).nonzero()[:, 0]
    }
    assert [labelled[int(i)] for i in places] == ["B-PER", "O", "B-PER"]


class Spy(torch.nn.Module):
    """Stands in for a model; keeps what it is called with."""

    def __init__(self, size: int, width: int = 4):
        super().__init__()
        self.table = torch.nn.Embedding(size, width)

    def get_input_embeddings(self):
        return self.table

    def forward(self, **given):
        self.given = given
        return type("Output", (), {"loss": given["inputs_embeds"].sum()})


def test_the_loss_sees_every_tag_beside_its_token():
    gold = [(["ab", "cd"], ["B-PER", "O"]), (["cd"], ["B-PER"])]
    found = encode(TOKENIZER, tag(gold, NAMES_))
    spy = Spy(len(TOKENIZER))
    drawn = torch.where(found.whole, TOKENIZER.convert_tokens_to_ids("a"), found.ids)
    ratio = torch.zeros(2, 1, 4)
    _loss(spy, spy, Compute(), found, found.ids, torch.tensor([1, 0]), (drawn, ratio))
    assert spy.given["labels"].tolist() == [
        [IGNORE, 1, IGNORE, IGNORE, IGNORE],
        [IGNORE, 1, IGNORE, 0, IGNORE],
    ]
    assert spy.given["attention_mask"].sum(dim=1).tolist() == [3, 5]
    # Mixed wholly with its substitute: what stands at a tag is the substitute's embedding.
    mixed = spy.given["inputs_embeds"][0, 1]
    assert torch.equal(mixed, spy.table.weight[TOKENIZER.convert_tokens_to_ids("a")])


def test_the_laboratorys_substitutions_fall_on_words_with_their_tags(tmp_path, monkeypatch):
    """With the shipped checkpoint: every eligible token is a whole word that has a tag."""
    monkeypatch.setenv("SALT_CACHE_DIR", str(tmp_path))
    forget()
    data = substitutions.encoded(0, "mini-ner", "train", "en")
    kept = substitutions.for_method(0, "mini-ner", method("salt"), Config(threshold=0.5))
    may = kept.count > 0
    assert may.sum() > 100 and bool((data.labels[may] != IGNORE).all())
    said = tasks.load("mini-ner", "train", "en")
    assert evaluate.sentences(data, data.labels) == [
        [said.names[label] for label in row] for row in said.labels
    ]
    forget()
