"""Figures that others have published, each with its source. None of them is ours.

They are of real mBERT on real test sets and never share a column with the laboratory's.

Chapter: Zero-shot transfer, and what SALT claims.
"""

from collections.abc import Mapping
from dataclasses import dataclass

# Test accuracy in % of mBERT fine-tuned on English alone. XNLI: Wu and Dredze (2019), as the table
# in MiniLM's README (microsoft/unilm) has it. PAWS-X: the comparison in ERNIE-M's README.
XNLI = {
    "en": 82.1, "fr": 73.8, "es": 74.3, "de": 71.1, "el": 66.4, "bg": 68.9, "ru": 69.0, "tr": 61.6,
    "ar": 64.9, "vi": 69.5, "th": 55.8, "zh": 69.3, "hi": 60.0, "sw": 50.4, "ur": 58.0,
}  # fmt: skip
PAWSX = {"en": 94.0, "de": 85.7, "es": 87.4, "fr": 87.0, "ja": 73.0, "ko": 69.6, "zh": 77.0}


@dataclass(frozen=True)
class Published:
    """A published average: of what, on which data, in %, and its source in Markdown.

    value: an accuracy, or a difference in points where ``gain`` is set.
    """

    what: str
    data: str
    value: float
    source: str
    gain: bool = False

    @property
    def text(self) -> str:
        """The value as it was published, a gain with its sign."""
        return f"{self.value:+g} points" if self.gain else f"{self.value:g}%"


_CHEN = "[Chen et al. (2022)](https://arxiv.org/abs/2205.08497)"
_HU = "[Hu et al. (2020)](https://proceedings.mlr.press/v119/hu20b.html)"
_OUYANG = "[Ouyang et al. (2021)](https://aclanthology.org/2021.emnlp-main.3/)"
_WANG = "[Wang et al. (2023)](https://arxiv.org/abs/2309.10891)"
_WU = "[Wu and Dredze (2019)](https://doi.org/10.18653/v1/D19-1077)"
AVERAGES = (
    Published(
        "mBERT, 15 languages",
        "XNLI",
        66.3,
        f"{_WU}, listed with MiniLM ([Wang et al. 2020](https://arxiv.org/abs/2002.10957))",
    ),
    Published("mBERT, 15 languages", "XNLI", 65.4, _HU),
    Published("mBERT, 7 languages", "PAWS-X", 81.9, f"XTREME, listed by {_OUYANG}"),
    Published("SALT − mBERT, 15 languages", "XNLI", 1.4, _WANG, gain=True),
    Published("SALT − mBERT, 6 languages", "PAWS-X", 4.1, _WANG, gain=True),
    Published("DLFA, 15 languages, fusing layer 11", "XNLI", 66.91, _CHEN),
    Published("DLFA, 7 languages, fusing layer 6", "PAWS-X", 84.37, _CHEN),
)

MBERT = {"xnli": XNLI, "paws-x": PAWSX}
# XTREME's averages, and the gains that Wang et al. (2023) give: of which languages the reports
# contradict each other (see the claim audit), so they stand beside the zero-shot average.
AVERAGE_ALL = {"xnli": 65.4, "paws-x": 81.9}
GAIN = {"xnli": 1.4, "paws-x": 4.1}


def slots(summary: Mapping) -> dict[str, list[dict]]:
    """task → one row a language, then the averages: published figures, and slots for one's own.

    summary: `stats.summarise` of runs at the paper's scale; {} leaves every slot None. A row has
    language, published (mBERT, %), baseline and salt ((mean, sd) of shares), difference, p_holm,
    and published_gain (points).
    """
    by_task = {}
    for task, given in MBERT.items():
        base, salt = (summary.get(task, {}).get(name) for name in ("baseline", "salt"))
        rows = []
        for code in given:
            plain, augmented = (side and side["languages"].get(code) for side in (base, salt))
            rows.append(_slot(code, given[code], plain, augmented, augmented))
        for part, name in (
            ("average_zero_shot", "zero-shot average"),
            ("average_all", "average of all"),
        ):
            plain, augmented = (side and side[part] for side in (base, salt))
            average = AVERAGE_ALL[task] if part == "average_all" else None
            gain = GAIN[task] if part == "average_zero_shot" else None
            test = augmented and augmented["comparison"]
            rows.append(_slot(name, average, plain, augmented, test, gain))
        by_task[task] = rows
    return by_task


def _slot(name: str, published, base, salt, test, gain=None) -> dict:
    return {
        "language": name,
        "published": published,
        "baseline": base and (base["mean"], base["sd"]),
        "salt": salt and (salt["mean"], salt["sd"]),
        "difference": test and test["difference"],
        "p_holm": test and test["p_holm"],
        "published_gain": gain,
    }
