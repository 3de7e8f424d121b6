"""One module a command, each with ``main(argv)``; `tonics.cli` imports the one that runs."""
