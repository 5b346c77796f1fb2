"""Which architectures the library works with: ``python -m benchmarks.architectures``.

Every architecture of transformers with a masked-language head is made tiny, with random weights and
a tokenizer of a few words, and goes through what is done with a model: distillation, training on
pairs of sentences and on tagged ones, more pretraining. What is computed is compared with the
model's own logits. Result: ``recorded/architectures.json``, which the page on models of one's own
shows.
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch.nn.functional import cross_entropy
from tqdm import tqdm
from transformers import (
    CONFIG_MAPPING,
    AutoModelForMaskedLM,
    PretrainedConfig,
    PreTrainedTokenizerFast,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES
from transformers.models.auto.tokenization_auto import (
    TOKENIZER_MAPPING_NAMES,
    tokenizer_class_from_name,
)

from salt_lib import files
from salt_lib.data.examples import Pairs, Tagged
from salt_lib.digests import write_checked
from salt_lib.errors import SaltError
from salt_lib.models import architectures, loading
from salt_lib.models.encoding import IGNORE, Encoded, batch, encode, positions
from salt_lib.models.heads import decoder
from salt_lib.pretraining import continued
from salt_lib.salt.augment import options
from salt_lib.salt.distill import predict
from salt_lib.salt.methods import method
from salt_lib.salt.prepared import prepare
from salt_lib.training.config import Config
from salt_lib.training.loop import Batch, mean_loss
from salt_lib.training.run import train_and_score

RECORDED = files.RECORDED / "architectures.json"
KINDS = tuple(MODEL_FOR_MASKED_LM_MAPPING_NAMES)
WORDS = {
    "en": "goat baker river lamp hill queen drum orchard".split(),
    "de": "Ziege Fluss Lampe Trommel Obstgarten".split(),
}
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CONFIG = Config(epochs=1, batch=4, learning_rate=1e-3, dropout=0.0)
CONTINUATION = continued.Continuation(steps=2, head_steps=1, batch=16, longest=16, evaluate_every=2)
# What configurations call their sizes, and the ids of special tokens; each has some of them.
SMALL = {
    **dict.fromkeys(["hidden_size", "embedding_size", "d_model", "dim", "emb_dim"], 16),
    **dict.fromkeys(["intermediate_size", "hidden_dim", "d_inner"], 32),
    **dict.fromkeys(["encoder_ffn_dim", "decoder_ffn_dim"], 32),
    **dict.fromkeys(["num_hidden_layers", "encoder_layers", "decoder_layers", "n_layers"], 2),
    **dict.fromkeys(["num_attention_heads", "num_key_value_heads", "n_heads"], 2),
    **dict.fromkeys(["encoder_attention_heads", "decoder_attention_heads"], 2),
    **dict.fromkeys(["max_position_embeddings", "max_2d_position_embeddings"], 64),
    **{"head_dim": 8, "vocab_size": 60, "type_vocab_size": 2},
    **{"pad_token_id": 0, "pad_index": 0, "bos_token_id": 2, "cls_token_id": 2},
    **{"eos_token_id": 3, "sep_token_id": 3, "mask_token_id": 4},
}
# Sizes that one architecture alone has, or that must fit others; None where it is not to be given.
PARTICULAR: dict[str, dict] = {
    "funnel": {
        **{"num_hidden_layers": None, "block_sizes": [1, 1], "d_head": 8},
        "num_decoder_layers": 1,
    },
    "longformer": {"attention_window": [4, 4]},
    "luke": {"entity_vocab_size": 8, "entity_emb_size": 8},
    "neomme": {"head_dim": 16, "embedding_rank": 8, "embedding_dim": 16},
    "perceiver": {
        **{"num_latents": 4, "d_latents": 16, "num_self_attends_per_block": 1},
        **{"num_self_attention_heads": 2, "num_cross_attention_heads": 2},
        **{"qk_channels": 16, "v_channels": 16},
    },
    "reformer": {
        **{"is_decoder": False, "axial_pos_embds": False, "attn_layers": ["local", "lsh"]},
        "attention_head_size": 8,
    },
    "rembert": {"input_embedding_size": 8, "output_embedding_size": 16},
    "roc_bert": {
        **{"pronunciation_vocab_size": 60, "shape_vocab_size": 60},
        **{"pronunciation_embed_dim": 8, "shape_embed_dim": 8},
    },
}
TEXT_OF = {"modernvbert": "modernbert", "ultravbert": "ultrabert"}  # models of pictures and text
VISION = {
    **{"model_type": "siglip_vision_model", "hidden_size": 16, "intermediate_size": 32},
    **{"num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 8, "patch_size": 4},
}


def small(kind: str) -> PretrainedConfig:
    """An architecture's configuration in its smallest size."""
    made = CONFIG_MAPPING[kind]
    if kind in TEXT_OF:
        text = small(TEXT_OF[kind]).to_dict()
        return made(text_config=text, vision_config=VISION, image_token_id=59, pad_token_id=0)
    sizes = {**SMALL, **PARTICULAR.get(kind, {})}
    known = made()
    return made(**{n: v for n, v in sizes.items() if v is not None and hasattr(known, n)})


def write(kind: str, folder: Path) -> Path:
    """A folder as on the hub, of an architecture in its smallest size."""
    vocabulary = {word: i for i, word in enumerate([*SPECIAL, *WORDS["en"], *WORDS["de"]])}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = {f"{name.strip('[]').lower()}_token": name for name in SPECIAL}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=40, **names)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    model = AutoModelForMaskedLM.from_config(small(kind))
    with torch.no_grad():
        for weight in model.parameters():  # fresh biases are zero, and would be missed by nobody
            weight.add_(0.1 * torch.randn_like(weight))
    model.save_pretrained(folder)
    return folder


def sentence(number: int, length: int, code: str = "en") -> list[str]:
    """Some words, others for every number."""
    words = WORDS[code]
    return [words[(number * 3 + k * (1 + number % 2)) % len(words)] for k in range(length)]


def pairs(count: int) -> Pairs:
    """Pairs of sentences of unequal length, with two labels."""
    first = [" ".join(sentence(i, 4)) for i in range(count)]
    second = [" ".join(sentence(i + 1, 2 + i % 3)) for i in range(count)]
    return Pairs(first, second, [i % 2 for i in range(count)])


def tagged(count: int) -> Tagged:
    """Tagged sentences of unequal length, with two tags."""
    words = [sentence(i, 3 + i % 3) for i in range(count)]
    return Tagged(words, [[k % 2 for k in range(len(row))] for row in words], ("A", "B"))


def same(name: str, one: torch.Tensor, other: torch.Tensor) -> None:
    """Raise AssertionError where two results differ."""
    if not torch.allclose(one, other, atol=1e-4):
        raise AssertionError(f"{name}: {one} where the model itself gives {other}")


def distils(folder: Path) -> None:
    """Every prediction is the best of the model's own logits."""
    model, tokenizer = loading.masked_lm(folder), loading.tokenizer(folder)
    ids = {c: np.array(tokenizer.convert_tokens_to_ids(words)) for c, words in WORDS.items()}
    data = encode(tokenizer, pairs(5))
    found = [row for part in predict(model, data, ids) for row in part.to_pylist()]
    if not found:
        raise AssertionError("nothing was predicted")
    own = _logits(model, data)
    for row in found:
        logits = own[row["example"]][row["position"], torch.from_numpy(ids[row["language"]])]
        exclude = torch.from_numpy(ids[row["language"]]) == row["source"]
        best = logits.masked_fill(exclude & (row["language"] == "en"), -torch.inf).softmax(dim=0)
        same("probability", torch.tensor(row["probability"]), best.max())


def trains(folder: Path, make: Callable) -> None:
    """Training with SALT's both parts ends, and its loss is that of the model's own logits."""
    ready = prepare(folder, 2, make(8), make(4), {"de": make(4)})
    places = np.arange(8), np.full(8, 2)
    choices = options(ready.train, *places, np.arange(5, 13)[:, None])
    kept: list[torch.nn.Module] = []
    ready = replace(ready, choices=choices)
    train_and_score(ready, method("salt"), CONFIG, 0, keep=kept.append)
    (model,), data = kept, ready.train
    model.eval()
    logits = _logits(model, data)
    labels = batch(data, torch.arange(8), data.labels, IGNORE) if data.tags else data.labels
    with torch.inference_mode():
        rows = Batch(data, data.ids, torch.arange(8))
        loss = mean_loss(model, model, rows, torch.device("cpu"))
    own = cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=IGNORE)
    same("loss", loss, own)


def goes_on(folder: Path) -> None:
    """What a pretraining that went on has written is a whole model again, and another one."""
    texts = {code: [" ".join(sentence(i, 8, code)) for i in range(208)] for code in WORDS}
    out = folder / "more"
    continued.go_on(folder, texts, out, CONTINUATION, device="cpu", progress=False)
    before, after = (decoder(loading.masked_lm(path)) for path in (folder, out))
    for name, weight in before.named_parameters():
        if torch.equal(weight, after.get_parameter(name)):
            raise AssertionError(f"the decoder's {name} was not trained")


def padding_is_apart(folder: Path) -> bool:
    """Whether a row's logits are the same alone and beside a longer one."""
    model, data = loading.masked_lm(folder), encode(loading.tokenizer(folder), pairs(5))
    together = _logits(model, data)
    for i, length in enumerate(data.lengths.tolist()):
        alone = _logits(model, data.part(i, i + 1))[0]
        if not torch.allclose(alone, together[i, :length], atol=1e-4):
            return False
    return True


@torch.inference_mode()
def _logits(model: torch.nn.Module, data: Encoded) -> torch.Tensor:
    """The model's own logits of all rows at once, padded."""
    rows = torch.arange(len(data))
    named = {"attention_mask": positions(data, rows)[1].long()}
    if architectures.reads_segments(model, model.config):
        named["token_type_ids"] = batch(data, rows, data.segments)
    return model(batch(data, rows, data.ids), **named).logits


TRIALS: Mapping[str, Callable[[Path], None]] = {
    architectures.DISTILLATION: distils,
    architectures.SENTENCES: lambda folder: trains(folder, pairs),
    architectures.TOKENS: lambda folder: trains(folder, tagged),
    architectures.PRETRAINING: goes_on,
}


def refused(kind: str, folder: Path) -> dict[str, str]:
    """Use → why it is refused, empty where it isn't. Of a refused one only the configuration is
    there: neither words nor weights are read before it is."""
    small(kind).save_pretrained(folder)
    reasons = {}
    for use, trial in TRIALS.items():
        reasons[use] = architectures.refusal(small(kind), use)
        if reasons[use]:
            try:
                trial(folder)
            except SaltError as error:
                if reasons[use] in str(error):
                    continue
                raise
            raise AssertionError(f"{kind}: {use} is refused, and done all the same")
    return reasons


def tried(kind: str) -> dict:
    """An architecture's row of the table. What isn't refused and goes wrong is an error.

    Use → why it is refused, empty where it works; "padding": whether words are read as if there was
    none, None where nothing is read; "fast tokenizer": whether transformers has one for it.
    """
    with tempfile.TemporaryDirectory() as name:
        reasons = refused(kind, Path(name))
    works, apart = [use for use in TRIALS if not reasons[use]], None
    if works:
        with tempfile.TemporaryDirectory() as name:
            folder = write(kind, Path(name))
            for use in works:
                try:
                    TRIALS[use](folder)
                except Exception as error:
                    raise AssertionError(f"{kind}, {use}: {error}") from error
            apart = None if reasons[architectures.DISTILLATION] else padding_is_apart(folder)
    return {**reasons, "padding": apart, "fast tokenizer": fast(kind)}


def fast(kind: str) -> bool:
    """Whether an architecture's tokenizer in transformers, where it has one, is a fast one."""
    name = TOKENIZER_MAPPING_NAMES.get(kind)
    made = tokenizer_class_from_name(name) if name else PreTrainedTokenizerFast
    return hasattr(made, "backend_tokenizer")


def main() -> None:
    """Try all architectures and record what came out."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    rows = {kind: tried(kind) for kind in tqdm(KINDS, desc="architectures")}
    command = "python -m benchmarks.architectures"
    about = {"command": command, "transformers": transformers.__version__}
    write_checked(RECORDED, {**about, "architectures": rows})
    print(f"transformers {transformers.__version__}: {len(rows)} architectures")
    for use in TRIALS:
        print(f"{use}: {sum(not row[use] for row in rows.values())}")


if __name__ == "__main__":
    main()
