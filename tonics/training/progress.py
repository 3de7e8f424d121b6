"""One bar for the whole run, whatever its rounds."""

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ProgressBar
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

STEPS = 10
"""The bar moves every so many steps: the frozen phase does a hundred a second."""


class StepBar(ProgressBar):
    """Steps done of all steps, time left, loss, in-batch accuracy, and R@1 on dev."""

    def __init__(self) -> None:
        """A bar on stderr."""
        super().__init__()
        columns = (TextColumn("Training"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._console = Console(stderr=True)
        self._bar = Progress(*columns, TextColumn("{task.fields[note]}"), console=self._console)

    def disable(self) -> None:
        """Lightning's switch; not used."""

    def enable(self) -> None:
        """Lightning's switch; not used."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Show the bar."""
        self._task = self._bar.add_task(
            "steps", total=trainer.max_steps, completed=trainer.global_step, note=""
        )
        if self._console.is_terminal:
            self._bar.start()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any
    ) -> None:
        """Move the bar."""
        if trainer.global_step % STEPS == 0:
            self._show(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Show the new R@1; without a terminal, leave a line in its place."""
        self._show(trainer)
        if not self._console.is_terminal:
            print(f"step {trainer.global_step}: {self._note(trainer)}", file=self._console.file)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the bar as it is."""
        self._stop()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Give the terminal back."""
        self._stop()

    def _stop(self) -> None:
        if self._bar.live.is_started:  # rich would otherwise leave an empty line
            self._bar.stop()

    def _show(self, trainer: pl.Trainer) -> None:
        note = self._note(trainer)
        self._bar.update(self._task, completed=trainer.global_step, note=note)

    def _note(self, trainer: pl.Trainer) -> str:
        values = trainer.progress_bar_metrics
        names = ("loss", "accuracy", "dev/R@1")
        return "  ".join(f"{name} {float(values[name]):.3g}" for name in names if name in values)
