"""What the pretrainings of a world share, made once and kept: its text, and each kind of pairs.

Files lie under ``$SALT_CACHE_DIR`` or ``cache``; a name carries a digest of all that its content
depends on, so a stale one is never read.

Chapter: Bitext.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from ...digests import digest, sources
from ...files import alone, folder
from ...languages import LANGUAGES
from ...models import loading
from ...models.weights import save_tensors
from ...pretraining.data import Text, tokenize
from ..checkpoints import checkpoint, files_of
from ..minibabel import corpora
from ..minibabel.facts import CITIES, NAMES, NUMBERS, World
from ..minibabel.lexicon import forms
from . import links, pairs
from .cells import DISTILLED, HELD_OUT, SHUFFLED, THRESHOLD, Cell, aligner


def pieces(tokenizer: PreTrainedTokenizerBase) -> list[Tensor]:
    """Of each language the pieces of all that it can say, sorted: those that compete for a place.

    So they are the same in every cell.
    """
    found = []
    for code in LANGUAGES:
        words = [*filter(None, forms(code).values()), *NAMES, *CITIES, *NUMBERS]
        rows = tokenizer(words, add_special_tokens=False).encodings
        found.append(torch.tensor(sorted({piece for row in rows for piece in row.ids})))
    return found


def texts(world: int, documents: int) -> tuple[Text, Text]:
    """A world's monolingual text, drawn as that of its pretraining, and what is held out of it.

    documents: of a language with share 1; `HELD_OUT` more of each are held out.
    """
    tokenizer = loading.tokenizer(checkpoint(world))

    def make() -> dict[str, Tensor]:
        universe, said, held = World(world), {}, {}
        for code, item in LANGUAGES.items():
            every = corpora.texts(universe, code, int(documents * item.share) + HELD_OUT)
            said[code], held[code] = every[:-HELD_OUT], every[-HELD_OUT:]
        parts = {"train": tokenize(tokenizer, said), "held": tokenize(tokenizer, held)}
        return {
            f"{name}.{what}": value
            for name, text in parts.items()
            for what, value in (
                ("ids", text.ids),
                ("length", text.length),
                ("start", torch.tensor(list(text.start.values()))),
            )
        }

    kept, own = _stored(world, "text", make, documents, HELD_OUT), pieces(tokenizer)

    def text(name: str) -> Text:
        start = map(tuple, kept[f"{name}.start"].tolist())
        ids, length = (kept[f"{name}.{what}"] for what in ("ids", "length"))
        return Text(ids, length, dict(zip(LANGUAGES, start, strict=True)), corpora.SENTENCES, own)

    return text("train"), text("held")


def bitext(world: int, cell: Cell) -> links.Bitext:
    """A cell's pairs, with links where its objective reads them. SaltError: no aligner for them."""
    about = [cell.source, cell.pairs, cell.linked]
    if cell.source == DISTILLED:
        about.append(THRESHOLD)
    elif cell.linked:
        about.append(aligner())

    def make() -> dict[str, Tensor]:
        found = made(world, cell)
        return {name: getattr(found, name) for name in links.Bitext.__dataclass_fields__}

    return links.Bitext(**_stored(world, f"{cell.source}-{cell.pairs}", make, *about))


def made(world: int, cell: Cell) -> links.Bitext:
    """Make a cell's pairs, whether they are stored or not."""
    source = checkpoint(world)
    tokenizer = loading.tokenizer(source)
    if cell.source == DISTILLED:
        told = pairs.distilled(world, source, cell.pairs, THRESHOLD)
        return links.tokenized(told, tokenizer)
    told = pairs.bitext(world, cell.pairs)
    if cell.source == SHUFFLED:
        told = pairs.shuffled(told, world)
    read = links.tokenized(told, tokenizer)
    return links.aligned(read, tokenizer) if cell.linked else read


def _stored(
    world: int, name: str, make: Callable[[], Mapping[str, Tensor]], *about: object
) -> dict[str, Tensor]:
    """What ``make`` makes, from its file where it is there."""
    made_of = (*files_of(checkpoint(world)), *about, torch.__version__, sources(__name__))
    root = folder("SALT_CACHE_DIR", "cache") / "bitext"
    path: Path = root / f"world-{world}-{name}-{digest(*made_of)[:16]}.safetensors"
    if not path.exists():
        with alone(path, f"the pairs or text {path}"):
            if not path.exists():
                threads = torch.get_num_threads()
                torch.set_num_threads(1)
                try:
                    save_tensors(path, dict(make()))
                finally:
                    torch.set_num_threads(threads)
    return load_file(path)
