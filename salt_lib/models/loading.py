"""Tokenizer and model of any checkpoint: a local folder, or a name on the hub.

Chapters: The laboratory; Training over 15 seeds.
"""

import json
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError
from transformers import (
    AutoConfig,
    AutoModelForMaskedLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from ..digests import digest
from ..errors import SaltError
from . import cards
from .architectures import DISTILLATION, refusal

UNLIMITED = 1 << 30
# What decides, beside the weights, what a checkpoint computes; the last three where its tokenizer
# has no tokenizer.json.
IDENTITY = ("config.json", "tokenizer.json", "vocab.txt", "vocab.json", "merges.txt")
# DeBERTa's head under its first names, as mDeBERTa's on the hub has it, and its present ones.
FIRST_NAMES = {
    r"^lm_predictions\.lm_head\.(dense|LayerNorm)": r"cls.predictions.transform.\1",
    r"^lm_predictions\.lm_head\.bias": "cls.predictions.bias",
}
Model = TypeVar("Model", bound=torch.nn.Module)


@contextmanager
def _quiet():
    """Keep transformers from reporting, at every load, that a new head is new."""
    verbosity = logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


@cache
def resolve(source: str | Path) -> Path:
    """The folder of a checkpoint: a local one as it is, a hub name's in the cache.

    A name is looked up on the hub once, and what is missing is downloaded: JSON files, tokenizer
    and safetensors, never a pickle or code. With the hub out of reach the cached files serve. The
    folder of a hub name is called after its revision. Raises SaltError where there is neither.
    """
    path = Path(source)
    if path.is_dir():
        return path
    wanted = ["*.json", "*.txt", "*.model", "*.safetensors"]
    try:
        with _quiet():
            return Path(snapshot_download(str(source), allow_patterns=wanted, etag_timeout=10))
    except (OSError, HFValidationError) as error:  # the hub's errors, and a name that can be none
        reason = str(error).splitlines()[0].rstrip(".")
        raise SaltError(
            f"{source}: no such folder, and no model of this name in the cache or on the hub "
            f"({reason}). Give the folder of a model; where the hub can be reached, `hf download "
            f"{source} --local-dir FOLDER` makes one"
        ) from error


def check(source: str | Path, use: str) -> None:
    """Raise SaltError where a model can't be used so, before its weights are loaded.

    source: a folder or hub name, of which the configuration is read. use: one of
    `architectures.USES`.
    """
    config = _load(AutoConfig, source)
    if reason := refusal(config, use):
        raise SaltError(
            f"{source}: no {use} with a model of the type {config.model_type!r}: {reason}. Take a "
            "model such as bert-base-multilingual-cased, xlm-roberta-base or mDeBERTa"
        )


def _load(auto, source: str | Path, **options):
    if auto not in (AutoTokenizer, AutoConfig):
        # Whatever the weights are stored in: in half of that, small steps change nothing.
        options.setdefault("dtype", torch.float32)
    cards.check(resolve(source))
    try:
        # Never remote code, never a pickle: a checkpoint from the hub is data, not a program.
        with _quiet():
            return auto.from_pretrained(
                str(resolve(source)), local_files_only=True, trust_remote_code=False, **options
            )
    except SaltError:
        raise
    except (
        Exception
    ) as error:  # transformers raises many kinds: OSError, ValueError, SafetensorError
        folder = resolve(source)
        if any(folder.glob("*.bin")) and not any(folder.glob("*.safetensors")):
            weights = sorted(folder.glob("*.bin"))[0]
            raise SaltError(
                f"{source}: its weights are a pickle, which could run any program and is never "
                "loaded. Convert it once, in Python, which reads tensors alone: import torch, "
                f"safetensors.torch; w = torch.load({str(weights)!r}, weights_only=True); "
                "safetensors.torch.save_file({k: v.clone() for k, v in w.items()}, "
                f"{str(folder / 'model.safetensors')!r}, {{'format': 'pt'}})"
            ) from error
        raise SaltError(
            f"{source}: can't be loaded as a checkpoint ({type(error).__name__}: {error}); it is "
            "missing, truncated or of another kind: config.json, tokenizer.json and "
            "model.safetensors belong to it. Fetch or make it again (`salt pretrain`)"
        ) from error


@cache
def tokenizer(source: str | Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a checkpoint folder or hub name. SaltError: it is none of the fast kind.

    Its ``model_max_length`` is at most what the model's configuration has positions for: many
    tokenizers name no limit, or 10^30.
    """
    loaded = _load(AutoTokenizer, source)
    if not loaded.is_fast:
        raise SaltError(
            f"{source}: its tokenizer can't tell which words its pieces belong to; give a folder "
            "with a tokenizer.json (the fast kind)"
        )
    loaded.model_max_length = min(loaded.model_max_length, _positions(source))
    return loaded


def _positions(source: str | Path) -> int:
    """How many tokens a model reads at a time, by its configuration; many where it has no limit."""
    try:
        config = json.loads((resolve(source) / "config.json").read_text(encoding="utf-8"))
        positions = config.get("max_position_embeddings")
        # RoBERTa's positions begin after that of the padding.
        taken = 2 if "roberta" in config.get("model_type", "") else 0
    except (OSError, ValueError, AttributeError, RecursionError):
        return UNLIMITED
    return positions - taken if isinstance(positions, int) and positions > taken else UNLIMITED


def mask_token(source: str | Path) -> int:
    """The id of the tokenizer's mask token. SaltError: it has none."""
    mask_id = tokenizer(source).mask_token_id
    if mask_id is None:
        raise SaltError(
            f"{source}: its tokenizer has no mask token, so no token can be hidden while it is "
            "predicted; take a masked language model's, or predict unmasked"
        )
    return mask_id


def language_model(source: str | Path) -> tuple[PreTrainedModel, dict]:
    """The model with a masked-language head, and what of it is not in the checkpoint.

    The latter is transformers' report: "missing_keys" and so on. A head is found under its first
    names as well (`FIRST_NAMES`); the model, and what is saved of it, has the present ones.
    """
    options: dict = {"use_safetensors": True, "output_loading_info": True}
    config = _load(AutoConfig, source)
    if not hasattr(config, "legacy"):
        return _load(AutoModelForMaskedLM, source, **options)
    config.legacy = True  # of both heads the one with a decoder, which computes the same
    options |= {"config": config, "key_mapping": FIRST_NAMES}
    model, about = _load(AutoModelForMaskedLM, source, **options)
    # With the first names and this configuration it would be saved as a model without its head.
    model._weight_conversions = None
    return model, about


def masked_lm(source: str | Path) -> PreTrainedModel:
    """The model with its masked-language head, in evaluation mode.

    Raises SaltError for a checkpoint without such a head, or of a model that can have none.
    """
    check(source, DISTILLATION)
    model, loading_info = language_model(source)
    if lacking := sorted(loading_info["missing_keys"]):
        raise SaltError(
            f"{source}: its masked-language head is not in the checkpoint, {', '.join(lacking)} "
            "would be random: it was saved by another task. Give the pretrained model itself"
        )
    return model.eval()


def to_device(model: Model, device: str | torch.device) -> Model:
    """``model.to(device)``, of which transformers' wrapper around it hides the type."""
    return model.to(device)


def identity(source: str | Path) -> str:
    """12 hex digits that stand for a checkpoint's weights, configuration and tokenizer."""
    files = [
        path
        for path in sorted(resolve(source).glob("*"))
        if path.suffix in (".safetensors", ".model") or path.name in IDENTITY
    ]
    return digest(*files)[:12]
