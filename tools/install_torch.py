"""Installs torch and torchvision into the environment that runs this file.

With an NVIDIA GPU, or where pip would bring a build without CUDA anyway: pip, plainly. Without a
GPU, where pip would bring the CUDA build (several GB): uv, which knows where PyTorch keeps its CPU
builds, so that no index's address has to stand here. If that place cannot be reached: pip after
all, for the CUDA build runs on a CPU too.

usage: python tools/install_torch.py CONSTRAINTS
"""

import importlib.metadata
import json
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGES = ["torch", "torchvision"]


def run(*command: str) -> bool:
    """Run a command, its output shown; whether it succeeded."""
    return subprocess.run(command, check=False).returncode == 0


def pip(*arguments: str) -> bool:
    """Run this environment's pip."""
    return run(sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments)


def has_gpu() -> bool:
    """Whether an NVIDIA GPU and its driver are there."""
    try:
        return (
            subprocess.run(["nvidia-smi", "-L"], capture_output=True, check=False).returncode == 0
        )
    except OSError:
        return False


def pip_would_bring_cuda(constraints: str) -> bool:
    """Whether pip's torch comes with NVIDIA's libraries; asked of pip, nothing is installed."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        options = ["-q", "--dry-run", "--report", str(report), "-c", constraints]
        if not pip("install", *options, "torch"):
            sys.exit("cannot find torch: is this machine online?")
        chosen = json.loads(report.read_text("utf-8"))["install"]
    return any(item["metadata"]["name"].startswith(("nvidia-", "cuda-")) for item in chosen)


def install_cpu_build(constraints: str) -> bool:
    """Torch and torchvision as CPU builds, by uv; whether that worked."""
    return pip("install", "-q", "uv") and run(
        *(sys.executable, "-m", "uv", "pip", "install", "-q", "--python", sys.executable),
        *("--torch-backend", "cpu", "-c", constraints, *PACKAGES),
    )


def install(constraints: str) -> None:
    """Install both packages."""
    if not has_gpu() and pip_would_bring_cuda(constraints):
        if install_cpu_build(constraints):
            return
        print("PyTorch's CPU builds cannot be reached: installing the CUDA build (several GB)")
    if not pip("install", "-q", "-c", constraints, "torch"):
        sys.exit("cannot install torch")
    # torchvision asks for the torch of its pair, and for what tonics itself requires:
    # --no-deps keeps pip from looking at torch again, so that it cannot change the build.
    if not pip("install", "-q", "-c", constraints, "--no-deps", "torchvision"):
        sys.exit("cannot install torchvision")


def installed(constraints: str) -> bool:
    """Whether both are there already in the versions that the constraints name."""
    wanted = Path(constraints).read_text("utf-8").split()
    try:
        versions = {name: importlib.metadata.version(name).partition("+")[0] for name in PACKAGES}
    except importlib.metadata.PackageNotFoundError:
        return False
    return all(f"{name}=={version}" in wanted for name, version in versions.items())


if __name__ == "__main__":
    if not installed(sys.argv[1]):
        install(sys.argv[1])
