"""The argument parser of every command but ``fit``."""

import argparse
from typing import NoReturn

from tonics.errors import UserError


class Parser(argparse.ArgumentParser):
    """An `argparse` parser whose complaints are one line, like every other user's error."""

    def error(self, message: str) -> NoReturn:
        """Raise the complaint instead of printing the whole usage.

        Raises:
            UserError: always.
        """
        raise UserError(
            f"{self.prog.removeprefix('tonics ')}: {message} (see `{self.prog} --help`)"
        )
