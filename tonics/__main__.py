"""``python -m tonics`` is the ``tonics`` command."""

import sys

from tonics.cli import main

sys.exit(main())
