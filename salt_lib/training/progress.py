"""What a long training tells while it runs, and keeps so that it can go on where it was.

Chapter: At paper scale.
"""

import json
import time
import warnings
from pathlib import Path

import torch
from tqdm import tqdm

from ..errors import SaltError
from ..files import write_text
from .device import Compute
from .state import MOMENTS, Saved, optimizer_state, restore_optimizer

LOG_EVERY = 50  # steps
SAVE_EVERY = 2_000  # steps: for mBERT a state is two gigabytes


class Monitor:
    """Follows one training: a bar, a log of JSON lines, TensorBoard, and the state to go on from.

    saved: where the state is kept, None for nowhere. every: steps between two states. log: the file
    of JSON lines. tensorboard: a folder for its event files. progress: whether to show a bar. By
    default it does nothing at all. Raises SaltError where TensorBoard is asked for and missing.
    """

    def __init__(
        self,
        saved: Saved | None = None,
        log: str | Path | None = None,
        tensorboard: str | Path | None = None,
        progress: bool = False,
        every: int = SAVE_EVERY,
    ):
        self.saved, self.every, self.progress = saved, every, progress
        self.log = Path(log) if log else None
        self.board = _board(tensorboard) if tensorboard else None
        self.bar = tqdm(disable=True)

    def begin(
        self, steps: int, compute: Compute, model, optimizer
    ) -> tuple[int, list[float], dict]:
        """Start watching a training of ``steps``; put model and optimizer where it was.

        Returns how many steps are done, the dev scores of the epochs until then, and the weights of
        the best of them; nothing is done where there is no state.
        """
        self.compute, self.model, self.optimizer = compute, model, optimizer
        self.weights = list(model.parameters())
        done, scores, best = 0, [], {}
        state = self.saved and self.saved.load()
        if self.saved and state and not self._fits(*state):
            state = None
            warnings.warn(
                f"{self.saved.folder}: what the training was to go on from is damaged; it begins "
                "again",
                stacklevel=2,
            )
        if state:
            numbers, groups = state
            done, scores, best = numbers["step"], numbers["scores"], groups.get("best", {})
            model.load_state_dict(groups["model"])
            restore_optimizer(optimizer, self.weights, groups["optimizer"])
            self._restore_random(groups["random"])
        if self.log and compute.first:
            _cut(self.log, done)
        # Alone and uninterrupted: a bar of another run would stand between.
        self.bar = tqdm(
            total=steps,
            initial=done,
            unit="step",
            desc="train",
            leave=False,
            disable=not (self.progress and compute.first),
        )
        self.clock, self.pairs = time.perf_counter(), 0
        compute.wait()
        return done, scores, best

    def _fits(self, numbers: dict, groups: dict) -> bool:
        """Whether a state is one of this model and optimizer, tensor by tensor."""
        shapes = {name: value.shape for name, value in self.model.state_dict().items()}
        of_state = {f"{i}.{key}" for i in range(len(self.weights)) for key in MOMENTS}

        def alike(name: str) -> bool:
            return {key: value.shape for key, value in groups[name].items()} == shapes

        return (
            isinstance(numbers.get("step"), int)
            and isinstance(numbers.get("scores"), list)
            and {"model", "optimizer", "random"} <= groups.keys()
            and alike("model")
            and ("best" not in groups or alike("best"))
            and groups["optimizer"].keys() <= of_state
            and "cpu" in groups["random"]
        )

    def step(self, step: int, epoch: int, loss, norm, pairs: int, scores: list[float]) -> None:
        """After each step: numbers for the log now and then, and the state less often."""
        self.bar.update()
        self.pairs += pairs
        if (self.log or self.board or self.progress) and step % LOG_EVERY == 0:
            seconds = time.perf_counter() - self.clock
            self._tell(
                step,
                epoch=epoch,
                loss=self.compute.total(loss.item()) / self.compute.processes,
                gradient_norm=norm.item(),
                learning_rate=self.optimizer.param_groups[0]["lr"],
                pairs_per_second=round(self.pairs / seconds, 1),
            )
            self.clock, self.pairs = time.perf_counter(), 0
        if self.saved and step % self.every == 0:
            self._save(self.saved, step, scores)

    def epoch(self, step: int, epoch: int, scores: list[float], best: dict | None) -> None:
        """After each epoch: its score, and the state with the weights where they are the best."""
        self._tell(step, epoch=epoch, dev=scores[-1])
        if self.saved:
            self._save(self.saved, step, scores, best)
        self.clock, self.pairs = time.perf_counter(), 0

    def end(self) -> None:
        """The training is over, or came to an error."""
        self.bar.close()
        if self.board:
            self.board.close()

    def _tell(self, step: int, **numbers) -> None:
        if not self.compute.first:
            return
        self.bar.set_postfix({k: f"{numbers[k]:.3f}" for k in ("loss", "dev") if k in numbers})
        if self.log:
            try:
                with open(self.log, "a", encoding="utf-8") as file:
                    file.write(json.dumps({"step": step, **numbers}) + "\n")
            except OSError as error:
                raise SaltError(
                    f"{self.log}: can't be written ({error.strerror or error}); free some space, "
                    "then run the same command again: it goes on"
                ) from error
        if self.board:
            for name, value in numbers.items():
                self.board.add_scalar(name, value, step)

    def _save(self, saved: Saved, step: int, scores: list[float], best: dict | None = None) -> None:
        random = self._random()  # of all processes: all take part
        if self.compute.first:
            saved.save(
                step,
                {"step": step, "scores": scores},
                model=self.model.state_dict(),
                optimizer=optimizer_state(self.optimizer, self.weights),
                random=random,
                best=best,
            )
        self.compute.wait()

    def _random(self) -> dict[str, torch.Tensor]:
        state = {"cpu": self.compute.gather(torch.get_rng_state())}
        if self.compute.device.type == "cuda":
            state["cuda"] = self.compute.gather(torch.cuda.get_rng_state(self.compute.device))
        return state

    def _restore_random(self, state: dict[str, torch.Tensor]) -> None:
        if len(state["cpu"]) != self.compute.processes:
            return  # resumed on more or fewer processes: the dropout goes on from the seed
        # Of a part of a larger tensor torch's generator would read past the end.
        torch.set_rng_state(state["cpu"][self.compute.rank].clone())
        if "cuda" in state and self.compute.device.type == "cuda":
            cuda_state = state["cuda"][self.compute.rank].clone()
            torch.cuda.set_rng_state(cuda_state, self.compute.device)


def _cut(log: Path, done: int) -> None:
    """Leave of the log what belongs to the steps that are done."""
    log.parent.mkdir(parents=True, exist_ok=True)
    kept = []
    for line in log.read_bytes().splitlines() if log.exists() else []:
        try:
            if json.loads(line)["step"] <= done:
                kept.append(line.decode() + "\n")
        except (ValueError, KeyError, TypeError, RecursionError):
            break  # torn while it was written, or damaged
    write_text(log, "".join(kept))


def _board(folder: str | Path):
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise SaltError(
            "TensorBoard's files are asked for, which need tensorboardX: pip install "
            "'salt_lib[tensorboard]', or read the log of JSON lines that every run writes"
        ) from error
    return SummaryWriter(str(folder))
