"""Where a run computes: device, precision, how many rows at a time, how many processes.

None of it is part of the method: a batch stays one batch, however it is cut up for the memory of a
device or dealt out to several of them, and everything random is drawn for the whole batch.

Chapter: At paper scale.
"""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta

import torch
from torch import Tensor

from ..errors import SaltError, unknown

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("fp32", "bf16")
SEVERAL = ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
MEET = timedelta(minutes=10)  # until all processes are there
WAIT = timedelta(hours=12)  # one process distils while the others wait for it
# Of accelerate's variables those that choose a device, as `accelerate launch` sets them.
HONOURED = {
    f"ACCELERATE_{name}" for name in ("USE_CPU", "TORCH_DEVICE", "CPU_AFFINITY", "DEBUG_MODE")
}
DEFAULTS = {"", "0", "1", "no", "false", "default"}


class Compute:
    """One process on the processor: where the laboratory's runs compute.

    micro_batch: how many rows are computed at a time, None for the whole batch. Gradients of the
    parts add up to the batch's.
    """

    rank, processes = 0, 1
    device = torch.device("cpu")

    def __init__(self, micro_batch: int | None = None):
        if micro_batch is not None and micro_batch < 1:
            raise SaltError(f"a micro-batch of {micro_batch} rows: it has at least one")
        self.micro_batch = micro_batch

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and reports."""
        return self.rank == 0

    def prepare(self, model: torch.nn.Module) -> torch.nn.Module:
        """The model on the device, in the precision, over the processes."""
        return model

    def own(self, model: torch.nn.Module) -> torch.nn.Module:
        """The model that `prepare` was given."""
        return model

    def parts(self, rows: int) -> Iterator[tuple[Tensor, float]]:
        """What this process computes of a batch of ``rows``: numbers of rows, and their weight.

        A part's mean loss times its weight, summed over all parts and averaged over the processes
        (as gradients are), is the batch's mean loss.
        """
        mine = torch.arange(rows)[self.rank :: self.processes]
        if not len(mine):  # every process takes part in every step: this one with a loss of zero
            yield torch.zeros(1, dtype=torch.int64), 0.0
            return
        for part in mine.split(self.micro_batch or len(mine)):
            yield part, len(part) * self.processes / rows

    def alone(self, model: torch.nn.Module) -> AbstractContextManager:
        """Gradients of this part are not yet exchanged between the processes."""
        return nullcontext()

    def backward(self, loss: Tensor) -> None:
        """Add the loss's gradients to the parameters'."""
        loss.backward()

    def clip(self, parameters: list, limit: float) -> Tensor:
        """Clip the gradients' norm; returns what it was."""
        return torch.nn.utils.clip_grad_norm_(parameters, limit)

    def total(self, number: float) -> float:
        """The sum of all processes' numbers."""
        return number

    def gather(self, values: Tensor) -> Tensor:
        """All processes' values (n,) as (processes, n), on the processor."""
        return values[None]

    def wait(self) -> None:
        """Go on when all processes are here."""


def _told_of_others() -> str:
    """Says which processes the environment makes this one wait for; "" for none.

    WORLD_SIZE is left over in a shell more often than anybody would think.
    """
    count = os.environ.get("WORLD_SIZE", "1")
    if not count.isdecimal() or int(count) < 2 or torch.distributed.is_initialized():
        return ""
    given = ", ".join(f"{name}={os.environ[name]}" for name in SEVERAL if name in os.environ)
    message = f"one of {count} processes, by the environment ({given})"
    if "TORCHELASTIC_RUN_ID" not in os.environ:  # torchrun and accelerate start all of them
        print(f"salt: {message}: waiting for the others, at most {MEET}", file=sys.stderr)
    return message


@contextmanager
def _own_settings() -> Iterator[None]:
    """Without those of accelerate's variables that would change what is computed.

    `HONOURED` name a device, never a result. Others are left out, with a warning where they say
    anything else than the default.
    """
    theirs = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("ACCELERATE_") and name not in HONOURED
    }
    if odd := [f"{k}={v}" for k, v in theirs.items() if v.lower() not in DEFAULTS]:
        warnings.warn(
            f"not honoured, for a run is made as its setup says: {', '.join(odd)}", stacklevel=4
        )
    for name in theirs:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(theirs)


class Accelerated(Compute):
    """The device, processes and precision that Hugging Face's accelerate finds.

    device: "auto" takes a GPU where there is one. precision: "bf16" computes in bfloat16 and keeps
    weights and optimizer in float32. Several processes come from ``accelerate launch``; of its
    variables those that would change a result are not honoured. Raises SaltError where there is no
    such device, the process already works otherwise, or the others don't come within `MEET`.
    """

    def __init__(
        self, device: str = "auto", precision: str = "fp32", micro_batch: int | None = None
    ):
        from accelerate import Accelerator, InitProcessGroupKwargs

        super().__init__(micro_batch)
        if device not in DEVICES:
            raise unknown("device", device, DEVICES)
        if precision not in PRECISIONS:
            raise unknown("precision", precision, PRECISIONS)
        if device == "cuda" and not torch.cuda.is_available():
            raise SaltError(
                "device 'cuda' is asked for, and torch sees no GPU here: install a build of torch "
                "with CUDA and a driver for it, check CUDA_VISIBLE_DEVICES, or take device 'cpu'"
            )
        met = _told_of_others()
        try:
            with _own_settings():
                self.accelerator = Accelerator(
                    cpu=device == "cpu",
                    mixed_precision="bf16" if precision == "bf16" else "no",
                    kwargs_handlers=[InitProcessGroupKwargs(timeout=MEET)],
                )
            if met and torch.distributed.is_initialized():
                torch.distributed.distributed_c10d._set_pg_timeout(WAIT)
        except (torch.distributed.DistError, torch.distributed.DistStoreError) as error:
            raise SaltError(
                f"the other processes did not come within {MEET}: {met}. Start them all "
                f"(accelerate launch, torchrun), or unset {', '.join(SEVERAL)} to compute alone"
            ) from error
        except ValueError as error:  # accelerate's state is one for the whole process
            raise SaltError(
                f"this process already computes on another device or in another precision than "
                f"{device}, {precision}: start a new one ({error})"
            ) from error
        self.device = self.accelerator.device
        self.rank = self.accelerator.process_index
        self.processes = self.accelerator.num_processes

    def prepare(self, model):
        self.accelerator.free_memory()  # it would keep the model that it prepared before
        return self.accelerator.prepare_model(model)

    def own(self, model):
        return self.accelerator.unwrap_model(model, keep_fp32_wrapper=True)

    def alone(self, model):
        return self.accelerator.no_sync(model)

    def backward(self, loss):
        self.accelerator.backward(loss)

    def clip(self, parameters, limit):
        return self.accelerator.clip_grad_norm_(parameters, limit)

    def total(self, number):
        local = torch.tensor(float(number), device=self.device)
        return self.accelerator.reduce(local, "sum").item()

    def gather(self, values):
        return self.accelerator.gather(values[None].to(self.device)).cpu()

    def wait(self):
        self.accelerator.wait_for_everyone()
