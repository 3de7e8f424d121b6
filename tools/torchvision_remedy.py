"""Lets a torchvision whose compiled part cannot load be imported all the same.

A CPU build of torch beside a CUDA build of torchvision: ``import torchvision`` dies with "operator
torchvision::nms does not exist", and timm and transformers with it. Where that is so, and only
there, a start-up file is put into the environment that runs this file; it declares the two missing
operators when torchvision is about to be imported, in child processes too. What timm and
transformers use then works; ``torchvision.ops.nms`` and ``torchvision.io`` do not.

usage: python tools/torchvision_remedy.py
"""

import subprocess
import sys
import sysconfig
from pathlib import Path

NAME = "_torchvision_remedy"
SYMPTOM = "operator torchvision::nms does not exist"

# A file of its own, so that the environment works without the sources. At interpreter start it only
# registers a finder; torch is not imported before torchvision would import it.
MODULE = '''\
"""Put here by tools/torchvision_remedy.py of tonics, which says why."""

import sys


class Finder:
    """Declares torchvision's operators just before torchvision is imported, if they cannot load."""

    libraries = []

    def find_spec(self, name, path=None, target=None):
        if name == "torchvision":
            sys.meta_path.remove(self)
            self.declare()
        return None

    def declare(self):
        from importlib.machinery import PathFinder
        from pathlib import Path

        import torch

        spec = PathFinder.find_spec("torchvision")
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for compiled in Path(folder).glob("_C*.so"):
                try:
                    return torch.ops.load_library(str(compiled))
                except OSError:
                    library = torch.library.Library("torchvision", "DEF")
                    for operator in ("nms", "qnms"):
                        library.define(
                            operator + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
                        )
                    return self.libraries.append(library)


sys.meta_path.insert(0, Finder())
'''


def torchvision_is_broken() -> bool:
    """Whether importing torchvision fails for the missing operator, in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", "import torchvision"], capture_output=True, text=True, check=False
    )
    return done.returncode != 0 and SYMPTOM in done.stderr


def main() -> None:
    """Install the start-up file, or remove it, as this environment needs."""
    packages = Path(sysconfig.get_path("purelib"))
    start, module = packages / f"{NAME}.pth", packages / f"{NAME}.py"
    for path in (start, module):
        path.unlink(missing_ok=True)
    if torchvision_is_broken():
        module.write_text(MODULE, "utf-8")
        start.write_text(f"import {NAME}\n", "utf-8")
        if torchvision_is_broken():
            sys.exit("torchvision cannot be imported, and the remedy does not help")
        print("torchvision's compiled part does not fit this torch: its operators are declared")


if __name__ == "__main__":
    main()
