"""``tonics fit``: LightningCLI with the project's own words and habits."""

import logging
import re
import warnings
from pathlib import Path
from typing import Any

import torch
import yaml
from jsonargparse import ArgumentError, Namespace, set_loader
from pytorch_lightning import Trainer
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from tonics.curricula import Curriculum, class_path
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

FIXED: dict[str, Any] = {
    "reload_dataloaders_every_n_epochs": 1,
    "use_distributed_sampler": False,
    "num_sanity_val_steps": 0,
    "accumulate_grad_batches": 1,
    "check_val_every_n_epoch": 1,
    "val_check_interval": None,
    "limit_train_batches": None,
    "limit_val_batches": None,
    "overfit_batches": 0,
    "fast_dev_run": False,
}
"""Trainer settings by which the curriculum would not be heard, or would hear wrong figures."""


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
        for name, value in FIXED.items():
            if (given := config.get(name)) != value:
                raise UserError(
                    f"trainer.{name} cannot be {given}: leave it out, "
                    "or the curriculum would not be heard"
                )
        folder = Path(self.config["run"])
        steps = self.model.schedule.steps
        given = config["max_steps"]
        if given != -1 and given < 1:
            raise UserError("trainer.max_steps must be at least 1")
        own = [HeldOut(folder), BatchLog(folder), RunFolder(folder)]
        if config["enable_progress_bar"] is not False:
            own.append(StepBar())
        trainer = super().instantiate_trainer(
            max_steps=steps if given == -1 else min(given, steps),
            logger=MetricsLogger(folder),
            callbacks=[*(config["callbacks"] or []), *own],
            **kwargs,
        )
        if trainer.world_size > 1:  # here already: fit would first start all the processes
            raise UserError("one process only: set trainer.devices to 1")
        return trainer


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
    except UnicodeDecodeError as error:
        raise UserError("fit: --config names a recipe in YAML, which this is not") from error
    except (ArgumentError, MisconfigurationException, ValueError) as error:
        raise UserError(f"fit: {distil(str(error))}") from error


def distil(complaint: str) -> str:
    """What matters of jsonargparse's complaint: not the other types that it tried, nor theirs."""
    noise = r"Subtypes:|Errors:|Given value|- Expected a (path but|<class 'NoneType'>)"
    lines = [line for line in complaint.splitlines() if not re.match(rf"\s*({noise})", line)]
    text = " ".join(" ".join(lines).split())
    text = text.replace("Does not validate against any of the Union subtypes", "")
    return re.sub(r"(^|: ) *- (?=\w)", r"\1", " ".join(text.split()))[:300]


def fit(argv: list[str]) -> None:
    """Train as the arguments say, into the run's folder.

    Raises:
        UserError: wrong arguments, data or towers; a folder that holds a run already; a checkpoint
            that does not fit.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the run can go on from its last round.
    """
    cli = parse(argv)
    folder = Path(cli.config["run"])
    checkpoint = _checkpoint(folder, cli.config["ckpt_path"])
    # Whatever is wrong shows before the folder is touched: the same --run can be given again.
    cli.datamodule.setup("fit")
    if checkpoint:
        check_checkpoint(checkpoint, cli.model, cli.datamodule)
    folder.mkdir(parents=True, exist_ok=True)
    _save_config(cli, folder / "config.yaml")
    try:
        cli.trainer.fit(cli.model, cli.datamodule, ckpt_path=checkpoint, weights_only=True)
    except SystemExit as error:  # what Lightning makes of Ctrl-C and SIGTERM, the latter with 0
        raise KeyboardInterrupt from error


def _checkpoint(folder: Path, asked: str | None) -> Path | None:
    """The checkpoint to go on from, if one was asked for."""
    last = folder / "checkpoints" / "last.ckpt"
    if asked is None:
        # A run that was cut off before its first checkpoint has nothing to lose.
        if last.exists() or (folder / "model.json").exists():
            raise UserError(
                f"{folder} holds a run: go on with --ckpt_path last, or give another --run"
            )
        return None
    path = last if asked == "last" else Path(asked)
    if not path.is_file():
        raise UserError(f"no checkpoint {path}: start without --ckpt_path")
    return path


def check_checkpoint(path: Path, module: AlignmentModule, data: PairsModule) -> None:
    """See that a checkpoint is one of this architecture, data and curriculum.

    Raises:
        UserError: it is damaged, or of another run.
    """
    advice = "resume with the run's own config, or start a new run"
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        shapes = {name: tensor.shape for name, tensor in saved["state_dict"].items()}
        settings = saved[type(data).__qualname__]["settings"]
    except Exception as error:  # damage shows in many ways
        raise UserError(f"{path} is no checkpoint of a run: start without --ckpt_path") from error
    if shapes != {name: tensor.shape for name, tensor in module.state_dict().items()}:
        raise UserError(f"{path} is a checkpoint of another architecture: {advice}")
    own = data.settings()
    if different := [name for name in own if settings.get(name) != own[name]]:
        raise UserError(f"{path} was made with another {different[0].replace('_', ' ')}: {advice}")


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
        ".*is smaller than the logging interval.*",  # a round may be short
        ".*from a checkpoint that ended before the epoch ended.*",  # rounds differ in length
    ):
        warnings.filterwarnings("ignore", text)
