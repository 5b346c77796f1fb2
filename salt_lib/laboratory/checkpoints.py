"""A world's tiny mBERT: where its checkpoint lies, and how it is made: masked words and next
sentences, in 17 languages.

The text is monolingual and never parallel (`minibabel.corpora`). As in BERT (Devlin et al. 2019) a
share of the tokens is predicted, and whether the second sentence follows the first; both are always
in one language. Beside the checkpoint stands a curve of both losses and of the *alignment* per
language: how often the unmasked prediction, restricted to a language, is a true translation. The
curve is only looked at; no lexicon enters the training.

Chapter: The laboratory.
"""

import os
from pathlib import Path

from ..errors import SaltError
from ..languages import LANGUAGES
from ..pretraining.loop import Recipe, pretrain_on
from .alignment import alignment
from .minibabel import corpora
from .minibabel.facts import World

SHIPPED = Path(__file__).parent / "shipped"


def checkpoint_name(world: int, layers: int | None = None) -> str:
    """What the folder of a world's checkpoint, or of a sibling with so many layers, is called."""
    return f"world-{world}" if layers is None else f"world-{world}-layers-{layers}"


def checkpoint(world: int, layers: int | None = None) -> Path:
    """The folder of a world's checkpoint: shipped, or made by `salt pretrain`.

    layers: of a sibling that differs in their number alone; it has the same tokenizer. Looks in
    ``$SALT_CHECKPOINTS_DIR`` (default ``checkpoints/``), then in the package.
    Raises SaltError naming the command that makes a missing one.
    """
    made = Path(os.environ.get("SALT_CHECKPOINTS_DIR", "checkpoints"))
    for root in (made, SHIPPED):
        folder = root / checkpoint_name(world, layers)
        if (folder / "model.safetensors").exists():
            return folder
    worlds = sorted(
        p.name.removeprefix("world-") for r in (made, SHIPPED) for p in r.glob("world-*")
    )
    more, option = ("", "") if layers is None else (f" of {layers} layers", f" --layers {layers}")
    raise SaltError(
        f"no checkpoint{more} for world {world!r} (there: {', '.join(worlds) or 'none'}); make it "
        f"with `salt pretrain --world {world}{option}`"
    )


def pretrain(
    world: int,
    out: str | Path,
    recipe: Recipe | None = None,
    resume: bool = True,
    device: str | None = None,
    progress: bool = True,
) -> dict:
    """Make a world's tokenizer and tiny mBERT in folder ``out``; returns the last curve row.

    See `pretrain_on` for what is written. The curve also has the alignment per language.
    """
    recipe = recipe or Recipe()
    universe = World(world)
    texts = {
        code: corpora.texts(universe, code, int(recipe.documents * item.share))
        for code, item in LANGUAGES.items()
    }

    def look(model, tokenizer, own) -> dict:
        return {"alignment": alignment(model, tokenizer, own, universe)}

    return pretrain_on(
        texts, out, recipe, seed=world, look=look, resume=resume, device=device, progress=progress
    )
