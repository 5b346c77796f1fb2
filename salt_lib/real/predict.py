"""Predictions of a fine-tuned classifier in XTREME's layout, for `salt score` or a submission.

``<out>/{xnli,pawsx,panx,udpos}/test-<language>.tsv`` has one label a line, or one tag a line with a
blank line after each sentence, in the order of the test file.

Source: the submission format of Hu et al. (2020), XTREME. Chapter: At paper scale.
"""

from collections.abc import Sequence
from pathlib import Path

from ..data import benchmarks, xtreme
from ..data.examples import Pairs, Tagged
from ..errors import SaltError
from ..files import write_text
from ..models import classifiers, loading
from ..models.encoding import encode
from ..training import evaluate
from ..training.device import Compute


def predict(
    task: str,
    model: str | Path,
    data: str | Path,
    out: str | Path,
    languages: Sequence[str] = (),
    *,
    longest: int | None = None,
    compute: Compute | None = None,
) -> list[Path]:
    """Write a classifier's predictions for a task's test sets; returns the files.

    model: a folder of `classifiers.save_classifier` (`salt train --save`). data: "hub" or a folder,
    see `benchmarks.load`; of files in XTREME's layout labels may be missing. languages: all that
    have a test set by default. longest: pieces of a pair or of a row, by default what the model
    reads. compute: where. Raises SaltError for labels of another task and for data that are not
    there.
    """
    row, compute = benchmarks.task(task), compute or Compute()
    tagged = row.kind == "tags"
    classifier = classifiers.saved_classifier(model, row.labels, tagged).to(compute.device)
    tokenizer = loading.tokenizer(model)
    placement = getattr(classifier.config, "tag_placement", "first")
    written = []
    known = benchmarks.languages(task, "test", data)
    if missing := [code for code in languages if code not in known]:
        raise SaltError(
            f"{data}: no {task} test set in {', '.join(missing)}; there: {', '.join(known) or '–'}"
        )
    for code in languages or known:
        encoded = encode(tokenizer, _read(row, code, data), True, longest, placement)
        predicted = evaluate.predicted(classifier, encoded, compute=compute)
        if tagged:
            sentences = evaluate.sentences(encoded, predicted)
            text = "\n".join("".join(f"{tag}\n" for tag in tags) for tags in sentences)
        else:
            text = "".join(f"{row.labels[label]}\n" for label in predicted.tolist())
        written.append(Path(out) / xtreme.FOLDERS[task] / f"test-{code}.tsv")
        write_text(written[-1], text)
    return written


def _read(row: benchmarks.RealTask, code: str, data: str | Path) -> Pairs | Tagged:
    """A test set without its labels."""
    path = Path(data) / xtreme.FOLDERS[row.name] / f"test-{code}.tsv"
    if path.is_file():
        if row.kind == "pairs":
            return xtreme.read_texts(path)
        words = xtreme.read_tokens(path)
    else:
        rows = benchmarks.load(row.name, "test", code, data)
        if isinstance(rows, Pairs):
            return rows
        words = [tokens for tokens, _ in rows]
    return Tagged(words, [[0] * len(tokens) for tokens in words], row.labels)
