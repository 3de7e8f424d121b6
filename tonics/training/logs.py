"""What a run leaves to read: one JSON object a line, kept through a stop and a resume."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities import rank_zero_only


class JsonLines:
    """A file of JSON objects, one a line, each with the ``step`` it belongs to."""

    def __init__(self, path: Path) -> None:
        """Append to the file at ``path``, which need not exist yet."""
        self.path = path

    def write(self, *records: Mapping[str, Any]) -> None:
        """Append records."""
        with self.path.open("a") as file:
            file.writelines(json.dumps(record) + "\n" for record in records)

    def read(self) -> list[dict[str, Any]]:
        """All records, in order; none if there is no file."""
        if not self.path.is_file():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def cut(self, step: int) -> None:
        """Drop the records of ``step`` and after: a resumed run will write them again."""
        if not self.path.is_file():
            return
        kept = []
        for line in self.path.read_text().splitlines():
            try:
                if json.loads(line)["step"] < step:
                    kept.append(line)
            except ValueError:
                continue  # cut short by a kill: it belongs to a step that will be repeated as well
        draft = self.path.with_suffix(".part")
        draft.write_text("".join(line + "\n" for line in kept))
        draft.replace(self.path)


class MetricsLogger(Logger):
    """Lightning's metrics as ``metrics.jsonl`` in the run's folder."""

    def __init__(self, folder: str | Path) -> None:
        """Log into ``folder``."""
        super().__init__()
        self.folder = Path(folder)
        self.lines = JsonLines(self.folder / "metrics.jsonl")

    @property
    def name(self) -> str:
        """Part of no path: a run has one folder."""
        return ""

    @property
    def version(self) -> str:
        """Part of no path: a run has one folder."""
        return ""

    @property
    def log_dir(self) -> str:
        """The run's folder."""
        return str(self.folder)

    @property
    def save_dir(self) -> str:
        """The run's folder."""
        return str(self.folder)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """One line: the step, and the metrics."""
        self.lines.write({"step": step or 0, **metrics})

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing: the run's ``config.yaml`` holds them."""
