"""A clone is told by its card and its files, and the hub gives what a clone gives."""

import shutil
import subprocess
import sys
import time

import pytest
from clones import PERMUTED, card, shard, table, xnli_columns
from places import environment

from salt_lib.data import benchmarks
from salt_lib.data.hub import _files
from salt_lib.errors import SaltError

pytestmark = pytest.mark.filterwarnings("ignore:.*are published")


# Clones


def test_shards_are_joined_in_order_and_only_the_split_is_read(tmp_path):
    clone = card(tmp_path / "xnli", "de")
    for part in (3, 0, 7, 4, 1, 6, 2, 5):
        columns = xnli_columns(premise=[f"{part} eins", f"{part} zwei"])
        path = shard(clone, "de", part=f"0000{part}-of-00008")
        table(path, columns, {"label": PERMUTED})
    shard(clone, "de", "train").write_bytes(b"damaged, and of no interest here")
    pairs = benchmarks.load("xnli", "dev", "de", clone)
    assert pairs.first == [f"{part} {word}" for part in range(8) for word in ("eins", "zwei")]


def test_a_changed_file_is_read_again(xnli):
    benchmarks.load("xnli", "dev", "de", xnli)
    table(shard(xnli, "de"), xnli_columns(premise=["Neu.", "Neuer."]), {"label": PERMUTED})
    assert benchmarks.load("xnli", "dev", "de", xnli).first == ["Neu.", "Neuer."]


def test_a_folder_with_brackets_in_its_name_is_no_pattern(tmp_path, xnli):
    moved = tmp_path / "a[b]*"
    xnli.rename(moved)
    assert benchmarks.load("xnli", "dev", "de", moved).labels == [0, 2]


@pytest.mark.parametrize("name", ["validation.parquet", "dev-00000-of-00001.parquet"])
@pytest.mark.parametrize("readme", [None, "# No metadata\n", "---\nlicense: mit\n---\n"])
def test_without_configs_folders_and_file_names_tell(tmp_path, readme, name):
    clone = tmp_path / "my-xnli"
    table(clone / "de" / name, xnli_columns(), {"label": PERMUTED})
    table(clone / "de" / "train.parquet", xnli_columns(premise=["no", "no"]), {"label": PERMUTED})
    if readme:
        (clone / "README.md").write_text(readme)
    for source in (clone, tmp_path):
        assert benchmarks.load("xnli", "dev", "de", source).first == ["Ein Satz.", "Noch einer."]
    assert benchmarks.languages("xnli", "dev", clone) == ["de"]


@pytest.mark.parametrize(
    "data_files",
    [
        "de/dev.parquet",
        ["de/train.parquet", "de/dev.parquet"],
        [{"split": "validation", "path": ["de/dev.parquet"]}],
        [{"split": "train", "path": "de/train.parquet"}, {"split": "dev", "path": "**/dev.*"}],
    ],
)
def test_every_way_in_which_a_card_names_files(tmp_path, data_files):
    import yaml

    clone = tmp_path / "xnli"
    table(clone / "de" / "dev.parquet", xnli_columns(), {"label": PERMUTED})
    table(clone / "de" / "train.parquet", xnli_columns(premise=["no", "no"]), {"label": PERMUTED})
    metadata = yaml.safe_dump({"configs": [{"config_name": "de", "data_files": data_files}]})
    (clone / "README.md").write_text(f"---\n{metadata}---\n")
    assert benchmarks.load("xnli", "dev", "de", clone).first == ["Ein Satz.", "Noch einer."]


def test_numbers_without_names_are_named_by_the_card_or_refused(xnli):
    table(shard(xnli, "de"), xnli_columns(label=[0, 1]))
    with pytest.raises(SaltError, match="'label' holds numbers without names, and which of entail"):
        benchmarks.load("xnli", "dev", "de", xnli)
    info = """dataset_info:
- config_name: de
  features:
  - name: premise
    dtype: string
  - name: label
    dtype:
      class_label:
        names:
          '2': entailment
          '0': neutral
          '1': contradiction"""
    card(xnli, "de", info=info)
    assert benchmarks.load("xnli", "dev", "de", xnli).labels == [1, 2]


def test_a_damaged_clone_does_not_stand_before_a_whole_one(xnli, tmp_path):
    other = card(tmp_path / "another", "de")
    shard(other, "de").parent.mkdir()
    shard(other, "de").write_bytes(b"what it was can't be told")
    assert len(benchmarks.load("xnli", "dev", "de", tmp_path)) == 2
    with pytest.raises(SaltError, match="another.*can't be read as Parquet"):
        benchmarks.load("paws-x", "dev", "de", tmp_path)


def test_a_card_that_can_t_be_read_is_named(xnli):
    (xnli / "README.md").write_text("---\nconfigs: [\n---\n")
    with pytest.raises(SaltError, match="README.md: the metadata at the top can't be read"):
        benchmarks.load("xnli", "dev", "de", xnli)


def test_a_clone_with_a_script_runs_nothing(xnli, tmp_path):
    (xnli / "xnli.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    assert len(benchmarks.load("xnli", "dev", "de", xnli)) == 2
    assert not (tmp_path / "ran").exists()


# The hub


@pytest.fixture
def hub(tmp_path, both, monkeypatch):
    """A hub that holds the invented clones; what was fetched from it."""
    import huggingface_hub

    homes = {
        "facebook/xnli": "first",
        "google-research-datasets/paws-x": "second",
        "google/xtreme": "third",
    }
    fetched = []

    def snapshot_download(repository, *, repo_type, allow_patterns):
        assert repo_type == "dataset"
        cache, home = tmp_path / "cache" / repository, both / homes[repository]
        cache.mkdir(parents=True, exist_ok=True)
        for path in (path for pattern in allow_patterns for path in home.glob(pattern)):
            target = cache / path.relative_to(home)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
            fetched.append(path.relative_to(home).as_posix())
        return str(cache)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return fetched


@pytest.mark.parametrize("name, code", [("xnli", "de"), ("paws-x", "ja"), ("udpos", "en")])
def test_the_hub_says_the_same_as_a_clone(hub, both, name, code):
    assert benchmarks.load(name, "dev", code, "hub") == benchmarks.load(name, "dev", code, both)


def test_only_the_card_and_the_split_s_files_are_fetched(hub):
    benchmarks.load("xnli", "test", "de", "hub")
    assert hub == ["README.md", "de/test-00000-of-00001.parquet"]
    hub.clear()
    assert benchmarks.languages("udpos", "dev", "hub") == ["de", "en"]
    assert hub == ["README.md"]


def test_what_the_hub_lacks_is_an_error_with_what_it_has(hub):
    with pytest.raises(SaltError, match="facebook/xnli on the hub.*'fr'.*there: de, en$"):
        benchmarks.load("xnli", "dev", "fr", "hub")


CALL = """
import sys
from salt_lib.data import benchmarks
from salt_lib.errors import SaltError
assert "datasets" not in sys.modules and "huggingface_hub" not in sys.modules
try:
    benchmarks.load("xnli", "dev", "de", "hub")
except SaltError as error:
    print(error)
"""


@pytest.mark.parametrize(
    "setting", [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}], ids=str
)
def test_a_hub_out_of_reach_says_how_to_make_a_clone(tmp_path, setting):
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", CALL],
        env=environment(HF_HOME=str(tmp_path), **{"HF_HUB_OFFLINE": "0"} | setting),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("facebook/xnli can't be had from the hub (")
    assert "`hf download facebook/xnli --repo-type dataset --local-dir xnli`" in done.stdout
    assert done.stdout.count("\n") == 1
    assert time.monotonic() - started < 30


def test_data_that_is_not_in_the_cache_is_out_of_reach_too(hub, both):
    benchmarks.load("xnli", "dev", "de", "hub")
    shard(both / "first", "en").unlink()  # the card names it, the hub does not hand it out
    with pytest.raises(SaltError, match="can't be had from the hub .no en/validation-.* in the ca"):
        benchmarks.load("xnli", "dev", "en", "hub")


def test_a_card_leads_to_no_file_outside_of_its_clone(tmp_path):
    clone = tmp_path / "xnli"
    (clone / "de").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "validation.parquet").write_bytes(b"another's")
    (clone / "README.md").write_text(
        "---\nconfigs:\n- config_name: de\n  data_files:\n  - split: validation\n"
        "    path: ../outside/*.parquet\n---\n"
    )
    with pytest.raises(SaltError, match="lies outside the repository"):
        _files(clone, "de", "dev")
