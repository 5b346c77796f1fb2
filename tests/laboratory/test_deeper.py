"""The deeper model is trained on every task of the laboratory, and has layers to fuse."""

from salt_lib.laboratory import deeper, tasks
from salt_lib.laboratory.setup import Laboratory
from salt_lib.models import loading
from salt_lib.models.fusion import GATES


def test_every_task_has_a_configuration():
    assert set(deeper.CONFIGS) == {*tasks.PAIR_TASKS, *tasks.TAG_TASKS}
    assert deeper.GATE in GATES


def test_the_shipped_model_has_so_many_layers(monkeypatch, tmp_path):
    monkeypatch.setenv("SALT_CHECKPOINTS_DIR", str(tmp_path))
    model = loading.masked_lm(Laboratory(0, deeper.LAYERS).checkpoint)
    assert model.config.num_hidden_layers == deeper.LAYERS
