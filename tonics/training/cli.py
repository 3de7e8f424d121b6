"""``tonics fit``: LightningCLI with the project's own words and habits."""

import logging
import warnings
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentError, Namespace, set_loader
from pytorch_lightning import Trainer
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from tonics.curricula import NAMES, Curriculum
from tonics.data.module import PairsModule
from tonics.errors import UserError
from tonics.training.callbacks import BatchLog, HeldOut, RunFolder
from tonics.training.logs import MetricsLogger
from tonics.training.module import AlignmentModule
from tonics.training.progress import StepBar

PARSER_MODE = "tonics_yaml"

TRAINER_DEFAULTS: dict[str, Any] = {
    "max_epochs": -1,
    "devices": 1,
    # A round is an epoch, with a loader of its own that the curriculum has just planned.
    "reload_dataloaders_every_n_epochs": 1,
    # Lightning's own sampler would replace the curriculum's, silently.
    "use_distributed_sampler": False,
    # It would teach the curriculum from heads that have learnt nothing.
    "num_sanity_val_steps": 0,
    "enable_model_summary": False,
    "log_every_n_steps": 20,
}


def class_path(name: str) -> str:
    """The class path of a curriculum's short name; a dotted path is one already.

    Raises:
        UserError: there is no curriculum of that name.
    """
    if name in NAMES:
        return f"{NAMES[name].__module__}.{NAMES[name].__name__}"
    if "." not in name:
        raise UserError(f"no curriculum {name!r}: choose {', '.join(NAMES)}, or give a class path")
    return name


def spell_out(argv: list[str]) -> list[str]:
    """The arguments with a curriculum's short name replaced by its class path."""
    joined = [word.partition("=") for word in argv]
    spelt = [
        f"{key}={class_path(value)}" if key == "--curriculum" and value else "".join(parts)
        for parts in joined
        for key, _, value in [parts]
    ]
    for place, word in enumerate(spelt[:-1]):
        if word == "--curriculum":
            spelt[place + 1] = class_path(spelt[place + 1])
    return spelt


def load_config(text: str) -> Any:
    """YAML, in which ``curriculum`` may be a short name as on the command line."""
    config = yaml.safe_load(text)
    if isinstance(config, dict) and isinstance(config.get("curriculum"), str):
        config["curriculum"] = {"class_path": class_path(config["curriculum"])}
    return config


set_loader(PARSER_MODE, load_config, exceptions=(yaml.YAMLError,))


class FitCLI(LightningCLI):
    """Adds ``--run``, ``--curriculum`` and ``--ckpt_path``, and the run's folder."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """The arguments that mean the same in every recipe."""
        parser.add_argument("--run", type=str, required=True, help="the run's folder")
        parser.add_argument(
            "--ckpt_path", type=str | None, default=None, help="last: go on where the run stopped"
        )
        parser.add_subclass_arguments(Curriculum, "curriculum", required=True)
        parser.link_arguments("curriculum", "data.curriculum", apply_on="instantiate")
        parser.link_arguments("seed_everything", "data.seed")

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """The trainer: as long as the schedule, and at home in the run's folder."""
        config = self.config["trainer"]
        if config["use_distributed_sampler"] or config["reload_dataloaders_every_n_epochs"] != 1:
            raise UserError(
                "trainer: use_distributed_sampler must be false and "
                "reload_dataloaders_every_n_epochs 1, or the curriculum would not be heard"
            )
        folder = Path(self.config["run"])
        steps = self.model.schedule.steps
        given = config["max_steps"]
        own = [HeldOut(folder), BatchLog(folder), RunFolder(folder)]
        if config["enable_progress_bar"] is not False:
            own.append(StepBar())
        return super().instantiate_trainer(
            max_steps=steps if given == -1 else min(given, steps),
            logger=MetricsLogger(folder),
            callbacks=[*(config["callbacks"] or []), *own],
            **kwargs,
        )


def parse(argv: list[str]) -> FitCLI:
    """Everything that ``tonics fit`` needs, made from its arguments but not yet run.

    Raises:
        UserError: an argument or a config key is wrong.
    """
    _quiet()
    try:
        return FitCLI(
            AlignmentModule,
            PairsModule,
            args=spell_out(argv),
            run=False,
            save_config_callback=None,
            seed_everything_default=0,
            auto_configure_optimizers=False,
            trainer_defaults=TRAINER_DEFAULTS,
            parser_kwargs={"exit_on_error": False, "parser_mode": PARSER_MODE},
        )
    except (ArgumentError, MisconfigurationException) as error:
        raise UserError(f"fit: {' '.join(str(error).split())[:300]}") from error


def fit(argv: list[str]) -> None:
    """Train as the arguments say, into the run's folder.

    Raises:
        UserError: wrong arguments, data or towers; a folder that holds a run already; a checkpoint
            that does not fit.
    """
    cli = parse(argv)
    folder = Path(cli.config["run"])
    checkpoint = _checkpoint(folder, cli.config["ckpt_path"])
    folder.mkdir(parents=True, exist_ok=True)
    _save_config(cli, folder / "config.yaml")
    try:
        cli.trainer.fit(cli.model, cli.datamodule, ckpt_path=checkpoint, weights_only=True)
    except RuntimeError as error:
        if "loading state_dict" not in str(error):
            raise
        raise UserError(
            f"{checkpoint} is a checkpoint of another architecture: "
            "resume with the run's own config, or start a new run"
        ) from error


def _checkpoint(folder: Path, asked: str | None) -> Path | None:
    """The checkpoint to go on from, if one was asked for."""
    if asked is None:
        if (folder / "config.yaml").exists():
            raise UserError(
                f"{folder} holds a run: go on with --ckpt_path last, or give another --run"
            )
        return None
    path = folder / "checkpoints" / "last.ckpt" if asked == "last" else Path(asked)
    if not path.is_file():
        raise UserError(f"no checkpoint {path}: start without --ckpt_path")
    return path


def _save_config(cli: FitCLI, path: Path) -> None:
    """Write the whole config, so that the run can be repeated from its folder."""
    config: Namespace = cli.config.clone()
    config["ckpt_path"] = None
    path.write_text(cli.parser.dump(config, format="yaml"))


def _quiet() -> None:
    """Silence Lightning where it only advertises, or warns of what is meant."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for text in (
        ".*does not have many workers.*",  # cached features need none
        ".*in eval mode at the start of training.*",  # frozen towers
        ".*LightningCLI's args parameter.*",
        ".*LeafSpec.*",
        ".*Checkpoint directory.*exists.*",
        ".*tensorboardX.*",
    ):
        warnings.filterwarnings("ignore", text)
