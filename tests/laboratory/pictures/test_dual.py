"""The losses have the values of their formulas, and both towers give vectors of length 1."""

import math

import pytest
import small
import torch

from salt_lib.errors import SaltError
from salt_lib.laboratory.pictures import dual


def test_info_nce_is_the_mean_of_both_cross_entropies():
    pictures = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    texts = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    # Rows of 2 × similarity: (2, 1.2) and (0, 1.6).
    by_picture = [math.log(1 + math.exp(-0.8)), math.log(1 + math.exp(-1.6))]
    by_text = [math.log(1 + math.exp(-2.0)), math.log(1 + math.exp(-0.4))]
    expected = (sum(by_picture) / 2 + sum(by_text) / 2) / 2
    found = dual.info_nce(pictures, texts, torch.tensor(2.0), torch.tensor([7, 8]))
    assert found.item() == pytest.approx(expected, abs=1e-6)


def test_vectors_that_tell_nothing_cost_the_logarithm_of_the_batch():
    same = torch.ones(5, 3)
    found = dual.info_nce(same, same, torch.tensor(3.0), torch.arange(5))
    assert found.item() == pytest.approx(math.log(5))


def test_another_row_of_the_same_fact_is_no_distractor():
    pictures, texts = torch.eye(3)[[0, 0, 1]], torch.eye(3)[[0, 0, 1]]
    scale = torch.tensor(1.0)
    # Rows 0 and 1 are one fact: each has row 2 alone as a distractor, row 2 has both.
    rows = [math.log(1 + math.exp(-1))] * 2 + [math.log(1 + 2 * math.exp(-1))]
    found = dual.info_nce(pictures, texts, scale, torch.tensor([4, 4, 5]))
    assert found.item() == pytest.approx(sum(rows) / 3, abs=1e-6)
    alike = dual.info_nce(pictures[:2], texts[:2], scale, torch.tensor([4, 4]))
    assert alike.item() == pytest.approx(0.0, abs=1e-6)


def test_a_batch_that_does_not_fit_together_is_an_error():
    with pytest.raises(SaltError, match="are no batch"):
        dual.info_nce(torch.eye(3), torch.eye(2), torch.tensor(1.0), torch.arange(3))
    with pytest.raises(SaltError, match="are no batch"):
        dual.info_nce(torch.eye(3), torch.eye(3), torch.tensor(1.0), torch.arange(2))


def test_distillation_is_the_mean_squared_distance():
    students = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    teachers = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    assert dual.distillation(students, teachers).item() == pytest.approx(1.0)  # (2 + 0) / 2
    assert dual.distillation(students, students).item() == 0.0


def test_a_picture_tower_gives_vectors_of_length_one_and_sees_where_things_stand():
    torch.manual_seed(0)
    tower = dual.PictureTower().eval()
    left = torch.zeros(1, 48, 48, 3, dtype=torch.uint8)
    left[:, 10:20, 5:15] = 255
    with torch.inference_mode():
        one, other = tower(left), tower(left.flip(2))
    assert one.shape == (1, dual.DIM) and one.norm().item() == pytest.approx(1.0, abs=1e-5)
    assert (one - other).abs().max() > 0.01


@pytest.fixture(scope="module")
def texts(laboratory):
    torch.manual_seed(0)
    tower = dual.TextTower(small.SETUP.checkpoint)
    return tower, small.captioned()


def test_a_caption_s_vector_does_not_depend_on_its_neighbors(texts):
    tower, data = texts
    every = tower.vectors(data)
    assert every.shape == (len(data), dual.DIM)
    assert torch.allclose(every.norm(dim=1), torch.ones(len(data)), atol=1e-5)
    with torch.inference_mode():
        alone = torch.cat([tower.read(data, data.ids, torch.tensor([i])) for i in range(len(data))])
    assert len(set(data.lengths.tolist())) > 1
    assert torch.allclose(every, alone, atol=1e-5) and tower.training


def test_embeddings_are_mixed_by_the_weights(texts):
    tower, data = texts
    rows, other = torch.tensor([0, 1]), data.ids.flip(0)
    width = tower.words.weight.shape[1]
    with torch.inference_mode():
        plain, foreign = tower.read(data, data.ids, rows), tower.read(data, other, rows)
        kept = tower.read(data, data.ids, rows, other, torch.ones(2, 1, width))
        gone = tower.read(data, data.ids, rows, other, torch.zeros(2, 1, width))
        half = tower.read(data, data.ids, rows, other, torch.full((2, 1, width), 0.5))
    assert torch.allclose(plain, kept, atol=1e-6) and torch.allclose(foreign, gone, atol=1e-6)
    assert not torch.allclose(half, plain, atol=1e-3) and not torch.allclose(half, gone, atol=1e-3)
