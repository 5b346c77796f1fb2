"""What a user would pick instead: Hugging Face's `Trainer` and `fill-mask` pipeline, a plain loop.

Each is given what makes it fast, and the same model, data, batch and epochs as ours.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from transformers import (
    AutoModelForSequenceClassification,
    DataCollatorWithPadding,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainingArguments,
    pipeline,
    set_seed,
)

from salt_lib.data.examples import Pairs
from salt_lib.models.encoding import Encoded, batch
from salt_lib.training.config import Config


def trainer(
    checkpoint: Path,
    tokenizer: PreTrainedTokenizerBase,
    data: Pairs,
    labels: int,
    config: Config,
    seed: int,
    precision: str = "fp32",
    longest: int | None = None,
    gpu: bool = False,
) -> Trainer:
    """Hugging Face's `Trainer`, ready to train: call its ``train``.

    Pairs of like length share a batch and are padded to the longest of it; no evaluation, saving,
    logging or progress bar; the fused optimizer. The same schedule as `salt_lib.laboratory.run`.
    """
    set_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(
        checkpoint,
        num_labels=labels,
        hidden_dropout_prob=config.dropout,
        attention_probs_dropout_prob=config.dropout,
        local_files_only=True,
        use_safetensors=True,
    )
    steps = config.epochs * -(-len(data) // config.batch)
    arguments = TrainingArguments(
        output_dir=tempfile.mkdtemp(prefix="trainer-"),
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch,
        per_device_eval_batch_size=128,
        train_sampling_strategy="group_by_length",
        learning_rate=config.learning_rate,
        warmup_steps=round(config.warmup * steps),
        weight_decay=config.weight_decay,
        max_grad_norm=config.clip,
        optim="adamw_torch_fused",
        save_strategy="no",
        eval_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=gpu,
        use_cpu=not gpu,
        bf16=precision == "bf16",
        seed=seed,
    )
    return Trainer(
        model=model,
        args=arguments,
        train_dataset=dataset(tokenizer, data, longest),
        data_collator=DataCollatorWithPadding(tokenizer),
    )


def dataset(
    tokenizer: PreTrainedTokenizerBase, pairs: Pairs, longest: int | None = None
) -> list[dict]:
    """Tokenized pairs as `Trainer` takes them, cut at so many tokens: plain rows, in memory.

    A data set of `datasets` would be no faster, and a bare GPU machine lacks the package.
    """
    cut = {"truncation": True, "max_length": longest} if longest else {}
    found = tokenizer(pairs.first, pairs.second, return_token_type_ids=True, **cut)
    names = ("input_ids", "token_type_ids", "attention_mask", "label")
    columns = (*(found[name] for name in names[:3]), pairs.labels)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def trainer_accuracy(trained: Trainer, tokenizer: PreTrainedTokenizerBase, pairs: Pairs) -> float:
    """Share of right predictions, in [0, 1]."""
    found = trained.predict(dataset(tokenizer, pairs))
    return float((found.predictions.argmax(1) == found.label_ids).mean())


@torch.inference_mode()
def plain_loop(
    model: PreTrainedModel,
    encoded: Encoded,
    vocabularies: Mapping[str, np.ndarray],
    eligible: torch.Tensor,
    source: str = "en",
    batch_size: int = 64,
) -> Iterator[tuple[int, int, str, int, float]]:
    """Distillation as one would first write it: score the whole vocabulary, filter in Python.

    Batched. The ranking of a position is walked once, down to the best word of every language.
    eligible: mask of the flat tokens to translate. Yields example, position, language, token and
    the probability among the language's words, as `salt_lib.salt.distill.predict` does.
    """
    sets = {code: set(ids.tolist()) for code, ids in vocabularies.items()}
    columns = {code: torch.as_tensor(ids) for code, ids in vocabularies.items()}
    for low in range(0, len(encoded), batch_size):
        rows = torch.arange(low, min(low + batch_size, len(encoded)))
        ids = batch(encoded, rows, encoded.ids)
        logits = model(
            ids,
            attention_mask=batch(encoded, rows, torch.ones_like(encoded.ids)),
            token_type_ids=batch(encoded, rows, encoded.segments),
        ).logits
        probabilities = logits.softmax(dim=-1)
        ranked = probabilities.argsort(dim=-1, descending=True)
        for example, position in batch(encoded, rows, eligible, fill=False).nonzero().tolist():
            own, token = probabilities[example, position], int(ids[example, position])
            missing = set(sets)
            for candidate in ranked[example, position].tolist():
                for code in [code for code in missing if candidate in sets[code]]:
                    if code == source and candidate == token:
                        continue
                    missing.remove(code)
                    if candidate == token:
                        continue
                    total = float(own[columns[code]].sum())
                    total -= float(own[token]) if code == source else 0.0
                    # Where the word itself has all the probability, rounding leaves nothing.
                    share = float(own[candidate]) / total if total > 0 else 0.0
                    yield low + example, position, code, candidate, share
                if not missing:
                    break


def fill_mask(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    words: Mapping[str, Sequence[str]],
) -> list[list[str]]:
    """The `fill-mask` pipeline: for each text with one [MASK], the best word of each language.

    It can't see the word that it translates, and scores one language a call.
    """
    fill = pipeline("fill-mask", model=model, tokenizer=tokenizer, device=-1, top_k=1)
    return [
        [fill(text, targets=list(own))[0]["token_str"] for own in words.values()] for text in texts
    ]
