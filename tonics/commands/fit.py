"""``tonics fit``: train a dual encoder with a curriculum."""


def main(argv: list[str]) -> None:
    """Run the command."""
    from tonics.training.cli import fit

    fit(argv)
