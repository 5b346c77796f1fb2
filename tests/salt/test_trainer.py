"""SALT in a training script that knows nothing of it: the same words, the same mixing, no more."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from datasets import Dataset
from places import ROOT
from transformers import AutoModelForSequenceClassification, DataCollatorWithPadding

from salt_lib.errors import SaltError
from salt_lib.laboratory import checkpoints, tasks
from salt_lib.models import loading
from salt_lib.salt import methods, vocabulary
from salt_lib.salt.substitutions import write_predictions
from salt_lib.salt.trainer import CodeSwitchCollator, EmbeddingMixup, Substitutions
from salt_lib.training.config import Config

PAGE = ROOT / "book" / "reproduce.md"
ROWS = [[2, 11, 12, 3], [2, 13, 3], [2, 11, 3]]


def kept(*places):
    columns = ["example", "position", "token"]
    return pd.DataFrame(np.array(places, np.int64).reshape(-1, 3), columns=columns)


def padded(rows, width=5):
    return torch.tensor([row + [0] * (width - len(row)) for row in rows])


class Model(torch.nn.Module):
    def __init__(self, size=30, dim=4):
        super().__init__()
        self.config = SimpleNamespace(pad_token_id=0)
        self.words = torch.nn.Embedding(size, dim, padding_idx=0)

    def get_input_embeddings(self):
        return self.words

    def forward(self, ids):
        return self.words(ids)


def collate(features):
    return [f["input_ids"] for f in features], [f.get("label") for f in features]


def test_rows_are_switched_where_they_may_be_and_labels_stay():
    known = Substitutions(ROWS, kept((0, 1, 21), (0, 1, 22), (1, 1, 23)))
    collator = CodeSwitchCollator(collate, known, instance_rate=1.0, token_rate=1.0)
    features = [{"input_ids": row, "label": i} for i, row in enumerate(ROWS)]
    ids, labels = collator(features)
    assert ids[0] in ([2, 21, 12, 3], [2, 22, 12, 3]) and ids[1:] == [[2, 23, 3], [2, 11, 3]]
    assert labels == [0, 1, 2] and features[0]["input_ids"] == ROWS[0]
    assert collator(features)[0] == ids  # once and for all
    assert collator([{"input_ids": torch.tensor(ROWS[1])}])[0] == [[2, 23, 3]]
    never = CodeSwitchCollator(collate, known, instance_rate=0.0)
    assert never(features)[0] == ROWS


def test_switching_is_what_the_study_does():
    rng = np.random.default_rng(0)
    rows = [[2, *rng.integers(5, 30, 8).tolist(), 3] for _ in range(400)]
    table = kept(*((i, p, 30 + p) for i in range(400) for p in range(1, 9)))
    collator = CodeSwitchCollator(collate, Substitutions(rows, table), 0.5, 0.3, seed=7)
    ids = collator([{"input_ids": row} for row in rows])[0]
    changed = (torch.tensor(ids) != torch.tensor(rows))[:, 1:9]
    touched = changed.any(dim=1)
    assert touched.float().mean() == pytest.approx(0.5 * (1 - 0.7**8), abs=0.07)
    assert changed[touched].float().mean() == pytest.approx(0.3 / (1 - 0.7**8), abs=0.04)


def test_mixing_is_exact():
    model = Model()
    plugin = EmbeddingMixup(model, Substitutions(ROWS, kept((0, 2, 21), (1, 1, 22))), seed=3)
    ids = padded([ROWS[1], ROWS[0]])
    mixed = model(ids)
    weight = model.words.weight
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(3)
    for length in (3, 4):  # what was drawn for the choice among one option
        torch.rand(length, generator=generator)
    ratio = torch.rand(2, 1, 4, generator=generator)
    expected = weight[ids].clone()
    expected[0, 1] = ratio[0, 0] * weight[13] + (1 - ratio[0, 0]) * weight[22]
    expected[1, 2] = ratio[1, 0] * weight[12] + (1 - ratio[1, 0]) * weight[21]
    torch.testing.assert_close(mixed, expected)
    mixed.sum().backward()
    assert weight.grad[21].abs().sum() > 0 and weight.grad[0].abs().sum() == 0
    assert not torch.equal(model(ids), mixed)  # anew at each step
    plugin.remove()
    assert torch.equal(model(ids), weight[ids])


def test_padding_on_the_left_shifts_nothing():
    model = Model()
    EmbeddingMixup(model, Substitutions(ROWS, kept((0, 2, 21))))
    found = model(torch.tensor([[0, 0, *ROWS[0]]]))
    plain = model.words.weight[torch.tensor([[0, 0, *ROWS[0]]])]
    changed = ~torch.isclose(found, plain).all(dim=2)  # mixed with itself, rounding apart
    assert changed.tolist() == [[False, False, False, False, True, False]]


def test_evaluation_is_left_alone():
    model = Model()
    EmbeddingMixup(model, Substitutions(ROWS, kept((0, 1, 21))))
    strange = torch.tensor([[9, 9, 9]])
    with torch.no_grad():
        assert torch.equal(model(strange), model.words.weight[strange])
    model.eval()
    assert torch.equal(model(strange), model.words.weight[strange])


def test_what_was_switched_can_be_mixed():
    known = Substitutions(ROWS, kept((0, 1, 21), (0, 2, 22)))
    ids, _ = CodeSwitchCollator(collate, known, 1.0, 1.0)([{"input_ids": ROWS[0]}])
    assert ids == [[2, 21, 22, 3]]
    model = Model()
    EmbeddingMixup(model, known)
    # What stands there already is the only choice: mixing with itself changes nothing.
    torch.testing.assert_close(model(torch.tensor(ids)), model.words.weight[torch.tensor(ids)])


def test_rows_of_other_data_are_an_error():
    known = Substitutions(ROWS, kept((0, 1, 21)))
    with pytest.raises(SaltError, match=r"a training row of 3 tokens, \[2, 9, 3\]"):
        CodeSwitchCollator(collate, known)([{"input_ids": [2, 9, 3]}])
    model = Model()
    EmbeddingMixup(model, known)
    with pytest.raises(SaltError, match="tokenized alike"):
        model(torch.tensor([[2, 9, 3]]))
    for place in ((3, 0, 5), (0, 4, 5), (1, 3, 5), (-1, 0, 5), (0, -1, 5)):
        with pytest.raises(SaltError, match="outside the rows"):
            Substitutions(ROWS, kept(place))


def lines_of_the_book():
    """The code block of the page's section on one's own script."""
    section = PAGE.read_text().split("## Inside your own training script")[1]
    return re.search(r"```python\n(.*?)```", section, re.S).group(1)


@pytest.mark.filterwarnings("ignore:.pin_memory")
def test_the_lines_in_the_book_run(laboratory, tmp_path, monkeypatch):
    """With `Trainer` as it is; mixing and switching take part in every step."""
    code = lines_of_the_book()
    assert len([line for line in code.splitlines() if line.strip()]) < 20
    folder = checkpoints.checkpoint(0)
    tokenizer = loading.tokenizer(folder)
    pairs = tasks.load("mini-xnli", "train", "en", 0)
    words = vocabulary.words_by_language(folder)
    words = {code: words[code] for code in ("en", "de")}
    write_predictions(folder, pairs, words, tmp_path / "predictions.parquet")
    encoded = tokenizer(pairs.first, pairs.second)
    data = Dataset.from_dict({**encoded, "label": pairs.labels})
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=3)
    monkeypatch.chdir(tmp_path)
    mixed, drawn = [], EmbeddingMixup._mix
    monkeypatch.setattr(
        EmbeddingMixup, "_mix", lambda self, *a: mixed.append(drawn(self, *a)) or mixed[-1]
    )
    names = {"train_data": data, "tokenizer": tokenizer, "model": model}
    exec(compile(code.replace("0.95, 0.98", "0.0, 0.0"), str(PAGE), "exec"), names)
    steps = names["trainer"].state.global_step
    assert steps == len(mixed) > 3 and all(one is not None for one in mixed)
    assert isinstance(names["trainer"].data_collator, CodeSwitchCollator)
    assert isinstance(names["trainer"].data_collator.collator, DataCollatorWithPadding)
    assert methods.METHODS["salt"].mixup == "vector"  # what the plugin does by default
    assert (Config().instance_rate, Config().token_rate) == (0.5, 0.3)
