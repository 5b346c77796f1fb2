"""Trainings that end as in a power cut: after a step, with nothing put away."""

from salt_lib.training.progress import Monitor


class Killed(Exception):
    """The end."""


class Deadly(Monitor):
    """Ends the training after the step ``last``."""

    def __init__(self, last, *arguments, **options):
        super().__init__(*arguments, **options)
        self.last = last

    def step(self, step, *rest):
        super().step(step, *rest)
        if step == self.last:
            raise Killed
