"""The one exception that a user's mistake raises."""


class UserError(Exception):
    """A bad path, config, caption, image or checkpoint.

    The message is one line that says what is wrong and what to do. The command line prints it and
    exits with status 2; from Python it is an ordinary exception.
    """
