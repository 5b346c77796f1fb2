"""Figures show every seed, readable at a phone's width, on white; none has a title."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from drawn import PHONE
from invented import frame

from salt_lib.errors import SaltError
from salt_lib.laboratory.tasks import PAIR_TASKS
from salt_lib.languages import language
from salt_lib.plots import results, style
from salt_lib.salt.methods import MAIN
from salt_lib.study import stats, wording

TASK = "mini-paws-x"


def points(ax):
    """The numbers of points of each scatter."""
    return [len(c.get_offsets()) for c in ax.collections if len(c.get_offsets())]


def texts(ax):
    """All texts that are drawn: an axis also keeps labels of ticks beyond its ends."""
    found = [*ax.texts, ax.xaxis.label, ax.yaxis.label]
    for axis in (ax.xaxis, ax.yaxis):
        low, high = sorted(axis.get_view_interval())
        found += [t.label1 for t in axis.get_major_ticks() if low <= t.get_loc() <= high]
    legend = ax.get_legend()
    return [t for t in found + (legend.get_texts() if legend else []) if t.get_text()]


def readable(figure):
    """Every text is at least 9 px high on a phone, inside the figure, and nothing has a title."""
    figure.canvas.draw()
    assert figure.get_facecolor() == (1, 1, 1, 1) and not figure._suptitle
    for ax in figure.axes:
        assert not ax.get_title() and texts(ax)
        for text in texts(ax):
            assert text.get_size() / 72 * PHONE / figure.get_figwidth() >= 9, text.get_text()
            box = text.get_window_extent()
            width, height = figure.bbox.width, figure.bbox.height
            assert -1 <= box.x0 and box.x1 <= width + 1, text.get_text()
            assert -1 <= box.y0 and box.y1 <= height + 1, text.get_text()


def apart(labels):
    """No two tick labels lie on one another."""
    boxes = [label.get_window_extent() for label in labels if label.get_text()]
    return not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize("gain", [0.02, 0, -0.02])
def test_the_headline_has_both_tasks_english_and_all_seeds(gain):
    found = frame(gain)
    figure, ax = style.figure(3.4)
    assert results.headline(ax, found) is ax
    readable(figure)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == [f"{t}\n{p}" for t in ("mini-xnli", TASK) for p in ("zero-shot", "English")]
    assert points(ax) == [15] * 4 and apart(ax.get_yticklabels())
    ours, theirs = wording.paired(found, "mini-xnli", "salt", PAIR_TASKS["mini-xnli"].targets)
    drawn = np.asarray(ax.collections[0].get_offsets())[:, 0]
    assert drawn == pytest.approx(100 * (ours - theirs))


def test_an_interval_is_the_one_of_the_tables():
    found = frame()
    ours, theirs = wording.paired(found, TASK, "salt", PAIR_TASKS[TASK].targets)
    _, ax = style.figure(2)
    results.dots(ax, {"a": (ours, theirs)})
    interval = next(line for line in ax.lines if len(line.get_xdata()) == 2)
    test = stats.summarise(found)["primary"][TASK]
    assert interval.get_xdata() == pytest.approx([100 * test["ci_low"], 100 * test["ci_high"]])


def test_differences_without_spread_have_no_interval():
    figure, ax = style.figure(2)
    results.dots(ax, {"a": (np.full(15, 0.75), np.full(15, 0.5))})
    readable(figure)
    assert points(ax) == [15] and np.isnan(ax.lines[0].get_xdata()).all()


def test_the_saved_headline_is_a_picture_on_white(tmp_path):
    path = tmp_path / "new" / "headline.png"
    results.save_headline(frame(), path)
    picture = matplotlib.image.imread(path)
    assert picture.shape[1] == pytest.approx(style.WIDTH * 160, abs=1)
    assert (picture[0, 0, :3] == 1).all() and not matplotlib.pyplot.get_fignums()
    lacking = frame(methods=("baseline",))
    with pytest.raises(SaltError, match="no runs of 'salt'"):
        results.save_headline(lacking, tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


@pytest.mark.parametrize("task", PAIR_TASKS)
def test_languages_are_rows_with_a_point_per_seed(task):
    found, codes = frame(), PAIR_TASKS[task].languages
    scores = {m: stats.scores_array(found, task, m, codes)[1] for m in ("baseline", "salt")}
    figure, ax = style.figure(1.2 + 0.42 * len(codes))
    assert results.by_language(ax, scores, style.names(codes)) is ax
    readable(figure)
    assert points(ax) == [15 * len(codes)] * 2 and apart(ax.get_yticklabels())
    assert [t.get_text() for t in ax.get_yticklabels()] == [language(c).name for c in codes]
    assert ax.get_legend_handles_labels()[1] == ["baseline", "salt"]


def test_strips_have_a_row_per_method_and_a_line_at_the_baseline():
    found = frame()
    scores = {
        m: stats.scores_array(found, TASK, m, PAIR_TASKS[TASK].targets)[1].mean(axis=1)
        for m in MAIN
    }
    figure, ax = style.figure(3)
    assert results.strips(ax, scores) is ax
    readable(figure)
    assert points(ax) == [15] * len(MAIN)
    assert ax.lines[-1].get_xdata()[0] == pytest.approx(100 * scores["baseline"].mean())


def test_dev_curves_have_a_line_per_method():
    rows = [
        (TASK, method, seed, epoch, 0.5 + 0.1 * epoch + seed / 100, epoch == 3, 1.0)
        for method in MAIN
        for seed in range(3)
        for epoch in (1, 2, 3)
    ]
    columns = ["task", "method", "seed", "epoch", "dev", "chosen", "seconds"]
    figure, ax = style.figure(3)
    assert results.dev_curves(ax, pd.DataFrame(rows, columns=columns)) is ax
    with matplotlib.rc_context(style.SETTINGS):  # as the book's pages have them
        ax.legend()
    readable(figure)
    assert [line.get_label() for line in ax.lines] == list(MAIN)
    assert ax.lines[0].get_ydata() == pytest.approx([61, 71, 81])


def test_what_is_detectable_falls_with_the_seeds():
    figure, ax = style.figure(3)
    assert results.detectable(ax, {"mini-xnli": 0.01, TASK: 0.02}, (3, 15, 30)) is ax
    with matplotlib.rc_context(style.SETTINGS):  # as the book's pages have them
        ax.legend()
    readable(figure)
    first, second = (line.get_ydata() for line in ax.lines)
    assert (np.diff(first) < 0).all() and second == pytest.approx(2 * np.array(first))
    assert first[1] == pytest.approx(100 * stats.smallest_detectable_effect(0.01, 15))


@pytest.mark.parametrize("observed", [0.02, 0.0, -0.02])
def test_the_null_and_what_was_observed(observed):
    values = np.linspace(-0.01, 0.01, 15) + observed
    figure, ax = style.figure(2.4)
    assert results.null(ax, wording.sign_flips(values), values.mean()) is ax
    readable(figure)
    assert ax.lines[0].get_xdata()[0] == pytest.approx(100 * observed, abs=1e-9)


def test_accuracies_say_their_numbers():
    figure, ax = style.figure(3)
    assert results.accuracies(ax, {"English": 82.1, "German": 71.1, "Swahili": 50.4}) is ax
    readable(figure)
    assert [t.get_text() for t in ax.texts] == ["82.1", "71.1", "50.4"]


def test_points_of_a_row_keep_apart():
    offsets = results.spread(15)
    assert len(set(offsets.round(6))) == 15 and np.abs(offsets).max() <= 0.3
    assert (results.spread(15) == offsets).all()
