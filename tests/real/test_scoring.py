"""Scores of files against what XTREME's evaluator makes of them, worked out by hand."""

from pathlib import Path

import pytest
from seqeval.metrics import f1_score
from seqeval.metrics.sequence_labeling import get_entities

from salt_lib.data import benchmarks, xtreme
from salt_lib.errors import SaltError
from salt_lib.real import scoring


def write(folder: Path, **files: str) -> Path:
    """Files test-<language>.tsv in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for code, text in files.items():
        (folder / f"test-{code}.tsv").write_text(text, encoding="utf-8")
    return folder


# Of sw, two of three names are found and one of four that are said is none, one has an end wrong:
# said 4, true 3, right 2: precision 1/2, recall 2/3, F1 4/7. In en everything is right.
GOLD = {
    "en": "B-PER\nI-PER\nO\n\nO\nB-LOC\n",
    "sw": "B-PER\nO\nB-ORG\nI-ORG\n\nB-LOC\nO\nO\n",
}
SAID = {"en": GOLD["en"], "sw": "B-PER\nO\nB-ORG\nO\n\nB-LOC\nO\nB-LOC\n"}


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("task", ["panx", "pan-x"])
def test_f1_of_names_by_hand(tmp_path, inside, task):
    gold, said = (
        write(tmp_path / name / "panx" if inside else tmp_path / name, **files)
        for name, files in (("gold", GOLD), ("said", SAID))
    )
    roots = (gold.parent, said.parent) if inside else (gold, said)
    found = scoring.score(task, *roots)
    assert found["f1"] == {"en": 100.0, "sw": pytest.approx(400 / 7)}
    assert found["precision"]["sw"] == 50.0 and found["recall"]["sw"] == pytest.approx(200 / 3)
    assert scoring.average(found["f1"]) == pytest.approx((100 + 400 / 7) / 2)


def test_pairs_by_hand_whatever_the_gold_files_hold(tmp_path):
    full = "a b\tc\tneutral\nd\te\tentailment\nf\tg\tcontradiction\nh\ti\tneutral\n"
    bare = "neutral\nentailment\ncontradiction\nneutral\n"
    said = write(tmp_path / "said", de="neutral\nneutral\ncontradiction\nneutral\n", en=bare)
    for name, text in (("full", full), ("bare", bare)):
        found = scoring.score("xnli", write(tmp_path / name, de=text, en=text), said)
        assert found == {"accuracy": {"de": 75.0, "en": 100.0}}
    gold = write(tmp_path / "pawsx", ko="1\n0\n0\n")
    assert scoring.score("pawsx", gold, write(tmp_path / "p", ko="1\n1\n0\n")) == {
        "accuracy": {"ko": pytest.approx(200 / 3)}
    }


def test_parts_of_speech_are_chunks_to_seqeval(tmp_path):
    # True: DET, NOUN NOUN as one, VERB; said: DET, NOUN, VERB VERB as one. One of three.
    gold = write(tmp_path / "gold", en="the\tDET\nold\tNOUN\nman\tNOUN\nrun\tVERB\n")
    said = write(tmp_path / "said", en="DET\nNOUN\nVERB\nVERB\n")
    assert scoring.score("udpos", gold, said)["f1"]["en"] == pytest.approx(100 / 3)
    # Of CCONJ and SCONJ the first letter is a prefix to seqeval 1.2.2: the same kind.
    gold = write(tmp_path / "gold", en="CCONJ\nNOUN\n")
    said = write(tmp_path / "said", en="SCONJ\nNOUN\n")
    assert scoring.score("udpos", gold, said)["f1"]["en"] == 100.0


# Each is (true tags, said tags), and how many chunks are true, said and right by the newer and by
# the older reading. A chunk is a kind and its first and last word. The prefix is the first letter,
# of which S alone means something: it begins a chunk, and ends one after it.
READINGS = {
    # Newer: of both the kind is CONJ, one chunk at 0, right. Older: CCONJ and SCONJ are two kinds.
    "conjunctions": (["CCONJ", "NOUN"], ["SCONJ", "NOUN"], (2, 2, 2), (2, 2, 1)),
    # Newer: an X has no kind, as the O that is put after every sentence, so that at the end nothing
    # changes and no chunk ends: VERB alone. Older: VERB and X.
    "an X at the end": (["VERB", "X"], ["VERB", "X"], (1, 1, 1), (2, 2, 2)),
    # Newer: true DET, said DET and NOUN. Older: true DET and X.
    "an X that is missed": (["DET", "X"], ["DET", "NOUN"], (1, 2, 1), (2, 2, 1)),
    # Kinds DJ and DP, or ADJ and ADP: three true chunks, a long one is said, none is right.
    "adjectives": (["ADJ", "ADP", "ADJ"], ["ADJ", "ADJ", "ADJ"], (3, 1, 0), (3, 1, 0)),
    # Newer: S begins a chunk at 2, and the one from 1 on, of the same kind, has never ended: true
    # NOUN (0) and CONJ (2), said NOUN (0) and CONJ (1 to 2). Older: true NOUN, CCONJ and SCONJ.
    "before S": (
        ["NOUN", "CCONJ", "SCONJ"],
        ["NOUN", "CCONJ", "CCONJ"],
        (2, 2, 1),
        (3, 2, 1),
    ),
    # Newer: S ends its chunk (0), and the next, of the same kind, begins none, so that (0 to 1)
    # ends there; said are (0) and (1): one is right. Older: true SCONJ (0), CCONJ (1).
    "after S": (["SCONJ", "CCONJ"], ["SCONJ", "SCONJ"], (2, 2, 1), (2, 2, 1)),
}


@pytest.mark.parametrize("name", READINGS)
def test_both_readings_of_parts_of_speech_by_hand(tmp_path, name):
    true, said, *both = READINGS[name]
    folders = [
        write(tmp_path / side, en="".join(f"{tag}\n" for tag in tags))
        for side, tags in (("gold", true), ("said", said))
    ]
    for legacy, (of_true, of_said, right) in zip((False, True), both, strict=True):
        found = scoring.score("udpos", *folders, legacy=legacy)
        assert found["precision"]["en"] == pytest.approx(100 * right / of_said), legacy
        assert found["recall"]["en"] == pytest.approx(100 * right / of_true), legacy


def test_both_readings_of_names_are_alike(tmp_path):
    gold, said = write(tmp_path / "gold", **GOLD), write(tmp_path / "said", **SAID)
    assert scoring.score("panx", gold, said, legacy=True) == scoring.score("panx", gold, said)


def test_pairs_have_no_tags_to_read_in_another_way(tmp_path):
    gold = write(tmp_path / "gold", en="neutral\n")
    with pytest.raises(SaltError, match="xnli has no tags: the older seqeval scores only panx and"):
        scoring.score("xnli", gold, gold, legacy=True)


def test_it_is_seqeval_on_many_files(tmp_path):
    """XTREME calls seqeval's f1_score on the two lists of tags."""
    import random

    dice, wanted = random.Random(3), {}
    for code in ("ar", "en", "zh"):
        lists = [
            [[dice.choice(xtreme.TAGS) for _ in range(1 + i % 7)] for i in range(60)]
            for _ in range(2)
        ]
        for name, tags in zip(("gold", "said"), lists, strict=True):
            text = "\n".join("".join(f"{t}\n" for t in one) for one in tags)
            write(tmp_path / name, **{code: text})
        wanted[code] = 100 * f1_score(*lists)
    found = scoring.score("panx", tmp_path / "gold", tmp_path / "said")
    assert found["f1"] == pytest.approx(wanted)


def test_nothing_found_is_zero_without_a_warning(tmp_path, recwarn):
    gold = write(tmp_path / "gold", en="B-PER\nO\n")
    said = write(tmp_path / "said", en="O\nO\n")
    assert scoring.score("panx", gold, said)["f1"]["en"] == 0.0 and not recwarn.list


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"en": GOLD["en"]}, r"the predictions lack 'sw': there is .*gold.test-sw.tsv, but no"),
        (SAID | {"en": "B-PER\nI-PER\nI-MISC\n"}, r"test-en.tsv, line 3: unknown tag 'I-MISC'"),
        (SAID | {"en": "B-PER\nI-PER\nO\n\nO\nO\nO\n"}, r"test-en.tsv, line 5: a sentence of 3 t"),
        (
            SAID | {"en": "B-PER\nI-PER\nO\n"},
            r": 1 sentences, but .*2; .*gold.test-en.tsv, line 5",
        ),
        (
            SAID | {"en": GOLD["en"] + "\nO\n"},
            r": 3 sentences, but .*2; .*said.test-en.tsv, line 8",
        ),
        (SAID | {"en": "\n\n"}, r"test-en.tsv: no tags in it"),
    ],
)
def test_bad_predictions_are_named(tmp_path, said, message):
    gold = write(tmp_path / "gold", **GOLD)
    with pytest.raises(SaltError, match=message):
        scoring.score("panx", gold, write(tmp_path / "said", **said))


def test_predictions_without_gold_are_left_out_and_said(tmp_path):
    gold = write(tmp_path / "gold", **GOLD)
    with pytest.warns(UserWarning, match="they have no gold file: de, xx"):
        found = scoring.score("panx", gold, write(tmp_path / "said", **SAID, xx="O\n", de="O\n"))
    assert set(found["f1"]) == {"en", "sw"}


def test_some_languages_are_scored_alone_where_asked_for(tmp_path):
    gold, said = write(tmp_path / "gold", **GOLD), write(tmp_path / "said", sw=SAID["sw"])
    with pytest.raises(SaltError, match="lack 'en'.*--languages sw"):
        scoring.score("panx", gold, said)
    assert scoring.score("panx", gold, said, ["sw"])["f1"] == {"sw": pytest.approx(400 / 7)}
    with pytest.raises(SaltError, match="unknown language with a gold file 'fr'; known: en, sw"):
        scoring.score("panx", gold, said, ["fr"])


def test_folders_without_files_and_unknown_tasks_are_errors(tmp_path):
    gold = write(tmp_path / "gold", en="neutral\nneutral\n")
    with pytest.raises(SaltError, match="1 labels, but .* has 2; predict every row"):
        scoring.score("xnli", gold, write(tmp_path / "said", en="neutral\n"))
    with pytest.raises(
        SaltError, match="test-en.tsv, line 2: unknown label 'maybe'; known: entail"
    ):
        scoring.score("xnli", gold, write(tmp_path / "said", en="neutral\nmaybe\n"))
    with pytest.raises(SaltError, match="unknown task 'tatoeba'; known: xnli"):
        scoring.score("tatoeba", gold, gold)
    with pytest.raises(SaltError, match="no predictions; it should hold test-<language>.tsv or a"):
        scoring.score("xnli", gold, tmp_path / "nowhere")
    (gold / "test-en.tsv").write_bytes(b"neutral\n\xff\n")
    with pytest.raises(SaltError, match="line 2: not UTF-8"):
        scoring.score("xnli", gold, gold)


REAL = [("xnli", "de"), ("xnli", "sw"), ("paws-x", "de")]


@pytest.mark.parametrize(("task", "code"), REAL)
def test_real_gold_files_score_themselves(tmp_path, task, code):
    """Against itself 100; with every fourth label shifted, what counting says."""
    try:
        root = xtreme.folder()
    except SaltError:
        pytest.skip("no XTREME files here")
    path = root / xtreme.FOLDERS[task] / f"test-{code}.tsv"
    if not path.exists():
        pytest.skip(f"no {path.name}")
    gold = tmp_path / "gold"
    gold.mkdir()
    (gold / path.name).symlink_to(path)
    names, data = benchmarks.task(task).labels, benchmarks.load(task, "test", code, root)
    labels = [names[i] for i in data.labels]
    said = write(tmp_path / "said", **{code: "".join(f"{label}\n" for label in labels)})
    assert scoring.score(task, gold, said)["accuracy"] == {code: 100.0}
    wrong = [names[(i + (n % 4 == 0)) % len(names)] for n, i in enumerate(data.labels)]
    write(said, **{code: "".join(f"{label}\n" for label in wrong)})
    share = 1 - len(labels[::4]) / len(labels)
    assert scoring.score(task, gold, said)["accuracy"][code] == pytest.approx(100 * share)


@pytest.mark.parametrize("code", ["de", "sw", "zh"])
def test_real_names_score_as_seqeval_has_them(tmp_path, code):
    """PAN-X's dev tags as gold and as predictions, then with all names of one kind left out."""
    try:
        path = xtreme.folder() / "panx" / f"dev-{code}.tsv"
    except SaltError:
        pytest.skip("no XTREME files here")
    if not path.exists():
        pytest.skip(f"no {path.name}")
    gold = tmp_path / "gold"
    gold.mkdir()
    (gold / f"test-{code}.tsv").symlink_to(path)
    tags = [own for _, own in xtreme.read_tags(path)]
    said = [[tag if tag.endswith("PER") else "O" for tag in own] for own in tags]
    for lists in (tags, said):
        text = "\n".join("".join(f"{t}\n" for t in own) for own in lists)
        found = scoring.score("panx", gold, write(tmp_path / "said", **{code: text}))
        assert found["f1"][code] == pytest.approx(100 * f1_score(tags, lists))
    kinds = [kind for kind, _, _ in get_entities(tags)]
    assert found["recall"][code] == pytest.approx(100 * kinds.count("PER") / len(kinds))
    assert found["precision"][code] == 100.0
