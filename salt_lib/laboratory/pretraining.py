"""How a world's tiny mBERT is made: masked words and next sentences, in 17 languages.

The text is monolingual and never parallel (`minibabel.corpora`). As in BERT (Devlin et al. 2019) a
share of the tokens is predicted, and whether the second sentence follows the first; both are always
in one language. Beside the checkpoint stands a curve of both losses and of the *alignment* per
language: how often the unmasked prediction, restricted to a language, is a true translation. The
curve is only looked at; no lexicon enters the training.

Chapter: The laboratory.
"""

from pathlib import Path

from ..languages import LANGUAGES
from ..pretraining.loop import pretrain_on
from ..pretraining.recipe import Recipe
from .alignment import alignment
from .minibabel import corpora
from .minibabel.facts import World


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

    def look(model, tokenizer, word_counts) -> dict:
        return {"alignment": alignment(model, tokenizer, word_counts, universe)}

    return pretrain_on(
        texts, out, recipe, seed=world, look=look, resume=resume, device=device, progress=progress
    )
