"""The hub is asked only where it answers; see tonics.models.hub."""

import socket
import time
from typing import Any

import pytest
from huggingface_hub import constants

from tonics.errors import UserError
from tonics.models import hub
from tonics.models.text import TextConfig, TextTower
from tonics.models.vision import VisionConfig, VisionTower


class Listener:
    def close(self) -> None:
        pass


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Lets every connection succeed, and notes where to."""
    places: list[Any] = []

    def connect(place: Any, timeout: float) -> Listener:
        places.append(place)
        return Listener()

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(hub, "getproxies", dict)
    return places


def test_it_is_asked_where_it_answers(dialled: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://mirror.example:8080")
    with hub.hub():
        assert not constants.HF_HUB_OFFLINE
    assert dialled == [("mirror.example", 8080)]
    assert hub.reachable("https://hub.example") and dialled[-1] == ("hub.example", 443)


def test_it_is_left_alone_where_it_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name can be resolved here."""
    monkeypatch.setattr(hub, "getproxies", dict)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(RuntimeError), hub.hub():
        assert constants.HF_HUB_OFFLINE
        raise RuntimeError
    assert not constants.HF_HUB_OFFLINE


def test_a_wish_to_stay_offline_is_kept(
    dialled: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with hub.hub():
        assert constants.HF_HUB_OFFLINE
    assert not dialled


def test_behind_a_proxy_the_hub_is_taken_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "getproxies", lambda: {"https": "http://proxy.example"})
    assert hub.reachable("https://hub.example")
    assert not hub.reachable("http://hub.example")


@pytest.mark.parametrize(
    "build",
    [
        lambda: TextTower(TextConfig(name="nobody/nothing", weights="hub")),
        lambda: TextTower(TextConfig(name="nobody/nothing", weights="random")),
        lambda: VisionTower(VisionConfig(name="test_vit", weights="hub")),
    ],
)
def test_towers_that_are_not_to_be_had_are_refused_without_retries(
    build: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(seconds: float) -> None:
        raise AssertionError("waited for the hub")

    monkeypatch.setattr(hub, "getproxies", dict)
    monkeypatch.setattr(time, "sleep", wait)
    with pytest.raises(UserError, match=r"no text tower|timm cannot make"):
        build()
