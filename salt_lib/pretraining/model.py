"""A new tiny BERT, and what it learns by: masked words and next sentences (Devlin et al. 2019).

Chapter: The laboratory.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import BertConfig, BertForPreTraining

from ..errors import SaltError
from ..models import cards
from .data import Text, assemble, draw_noise, mask_tokens
from .recipe import Recipe
from .wordpiece import MAX_LENGTH

TIED = "cls.predictions.decoder.weight"  # it is the word embeddings', and no file has it


def new_model(recipe: Recipe, vocabulary: int, seed: int) -> BertForPreTraining:
    """A BERT of a recipe's size whose first weights depend on ``seed`` alone."""
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=recipe.hidden,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        intermediate_size=recipe.intermediate,
        hidden_act=recipe.activation,
        hidden_dropout_prob=recipe.dropout,
        attention_probs_dropout_prob=recipe.dropout,
        max_position_embeddings=MAX_LENGTH,
        initializer_range=recipe.init,
    )
    model = BertForPreTraining(config)
    if recipe.mimetic:
        compare_tokens(model.bert)
    return model


def gone_on_with(source: str | Path) -> BertForPreTraining:
    """The BERT of a checkpoint that `loop.write_checkpoint` wrote, with both of its heads.

    Raises SaltError where the checkpoint is damaged or lacks a head.
    """
    cards.check(source)
    try:
        model = BertForPreTraining(BertConfig.from_json_file(str(Path(source) / "config.json")))
        weights = load_file(Path(source) / "model.safetensors")
        lacking, other = model.load_state_dict(weights, strict=False)
    except (OSError, ValueError, SafetensorError, RuntimeError) as error:
        raise SaltError(
            f"{source}: can't be loaded as a BERT with both heads ({error}); give a folder that "
            "`salt pretrain` made, or make it again"
        ) from error
    if unlike := sorted({*lacking, *other} - {TIED}):
        raise SaltError(
            f"{source}: {', '.join(unlike[:3])} are missing or of another model, so that its "
            "pretraining can't be gone on with; give a folder that `salt pretrain` made"
        )
    return model.eval()


def compare_tokens(bert) -> None:
    """Let the first layer begin as a comparison (mimetic initialisation, Trockman & Kolter 2023).

    Its keys start as its queries, so a token attends to tokens like itself; what it reads there is
    subtracted, so only what has no like elsewhere stays. Word embeddings outweigh those of position
    and segment.
    """
    layer = bert.encoder.layer[0]
    attention, output = layer.attention.self, layer.attention.output.dense
    with torch.no_grad():
        attention.query.weight *= 1.5
        attention.key.load_state_dict(attention.query.state_dict())
        torch.nn.init.orthogonal_(attention.value.weight)
        output.weight.copy_(-attention.value.weight.T)
        for where in (bert.embeddings.position_embeddings, bert.embeddings.token_type_embeddings):
            where.weight *= 0.3


def losses(model, text: Text, pairs: torch.Tensor, recipe: Recipe, generator: torch.Generator):
    """Masked-word and next-sentence loss of one batch; logits are made for chosen tokens only.

    With ``softmax="language"`` a masked word competes with the pieces of its own language, as in
    the multilingual language models of Wada & Iwata (2018): the network then needn't tell the
    languages apart by its hidden states.
    """
    ids, segments, attention = assemble(text, pairs)
    bounds = torch.tensor([high for _, high in text.start.values()], device=ids.device)
    language = torch.bucketize(pairs[:, 0].contiguous(), bounds, right=True)
    noise = draw_noise(text, language, ids.shape[1], generator)
    inputs, chosen = mask_tokens(
        ids, noise, recipe.mask_rate, recipe.keep, recipe.random, generator
    )
    output = model.bert(inputs, attention_mask=attention, token_type_ids=segments)
    entropy = torch.nn.functional.cross_entropy
    follows = entropy(model.cls.seq_relationship(output.pooler_output).float(), 1 - pairs[:, 2])
    head = model.cls.predictions
    hidden, target = output.last_hidden_state[chosen], ids[chosen]
    if recipe.softmax == "all":
        return entropy(head(hidden).float(), target), follows
    spoken = language[:, None].expand_as(ids)[chosen]
    return among_own(head, hidden, spoken, target, text.pieces), follows


def among_own(
    head,
    hidden: torch.Tensor,
    language: torch.Tensor,
    target: torch.Tensor,
    pieces: Sequence[torch.Tensor],
) -> torch.Tensor:
    """The mean loss of predicting pieces, each among those of a language.

    head: BERT's, of masked words. hidden: (n, width) states; language, target: (n,) of each what is
    predicted. pieces: of each language, sorted; ``target`` is among them.
    """
    hidden = head.transform(hidden)
    order = language.argsort(stable=True)
    hidden, target, language = hidden[order], target[order], language[order]
    codes, count = torch.unique_consecutive(language, return_counts=True)
    own = [pieces[code] for code in codes.tolist()]
    sizes = [len(vocabulary) for vocabulary in own]
    every = torch.cat(own)  # gathered at once: each gather's gradient is as large as the table
    weight, bias = head.decoder.weight[every].split(sizes), head.decoder.bias[every].split(sizes)
    parts, total = count.tolist(), hidden.new_zeros(())
    for vocabulary, w, b, h, t in zip(
        own, weight, bias, hidden.split(parts), target.split(parts), strict=True
    ):
        right = torch.searchsorted(vocabulary, t)
        logits = torch.addmm(b, h, w.T).float()
        total = total + torch.nn.functional.cross_entropy(logits, right, reduction="sum")
    return total / len(target)
