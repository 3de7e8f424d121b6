"""What the set-up does on machines of each kind, with stand-ins for pip and uv."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("gpu", "pip_brings", "cpu_index", "expected"),
    [
        (True, "nvidia-cublas", True, ["pip torch", "pip torchvision"]),
        (False, "sympy", True, ["pip torch", "pip torchvision"]),
        (False, "cuda-toolkit", True, ["pip uv", "uv"]),
        (False, "nvidia-cublas", False, ["pip uv", "uv", "pip torch", "pip torchvision"]),
    ],
)
def test_which_torch_is_installed(
    gpu: bool,
    pip_brings: str,
    cpu_index: bool,
    expected: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tool = load("install_torch")
    done: list[str] = []

    def run(*command: str) -> bool:
        if "--report" in command:
            chosen = [{"metadata": {"name": name}} for name in ("torch", pip_brings)]
            report = Path(command[command.index("--report") + 1])
            report.write_text(json.dumps({"install": chosen}))
            return True
        if "uv" in command[:3]:
            assert command[command.index("--torch-backend") + 1] == "cpu"
            done.append("uv")
            return cpu_index
        done.append(f"pip {command[-1]}")
        return True

    monkeypatch.setattr(tool, "run", run)
    monkeypatch.setattr(tool, "has_gpu", lambda: gpu)
    tool.install("constraints.txt")
    assert done == expected


def test_what_is_installed_already_is_left_alone(tmp_path: Path) -> None:
    tool = load("install_torch")
    versions = [f"{name}=={tool.importlib.metadata.version(name)}" for name in tool.PACKAGES]
    (tmp_path / "same.txt").write_text("\n".join(v.partition("+")[0] for v in versions))
    (tmp_path / "other.txt").write_text("torch==1.0\ntorchvision==0.1\n")
    assert tool.installed(str(tmp_path / "same.txt"))
    assert not tool.installed(str(tmp_path / "other.txt"))


@pytest.mark.parametrize("broken", [True, False])
def test_the_remedy_is_installed_only_where_it_is_needed(
    broken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = load("torchvision_remedy")
    monkeypatch.setattr(tool.sysconfig, "get_path", lambda _: str(tmp_path))
    monkeypatch.setattr(
        tool,
        "torchvision_is_broken",
        lambda: broken and not (tmp_path / "_torchvision_remedy.pth").exists(),
    )
    tool.main()
    tool.main()
    expected = {"_torchvision_remedy.pth", "_torchvision_remedy.py"} if broken else set()
    assert {path.name for path in tmp_path.iterdir()} == expected


def test_the_remedy_costs_nothing_until_torchvision_is_imported(tmp_path: Path) -> None:
    (tmp_path / "remedy.py").write_text(load("torchvision_remedy").MODULE)
    program = "import sys, remedy; print('torch' in sys.modules)"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
