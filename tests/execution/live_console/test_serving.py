"""Serving of the live console: links on the screen, and a warning if others can reach them."""

import socket
from collections.abc import Iterator

import pytest

from gameday.execution.live_console.serving import served, show
from gameday.operations import Operation
from gameday.operator_api.live_console.page_source import Command, PageFrame
from gameday.ports import PortError

LINKS = {"facilitator": "http://x/1", "on-call": "http://x/2"}


class NoPages:
    """A page source without readers."""

    def frame(self, role: str) -> PageFrame:
        raise NotImplementedError

    def page(self, role: str) -> str:
        raise NotImplementedError

    def policy(self) -> str:
        raise NotImplementedError

    def operate(self, role: str, operation: Operation) -> str:
        raise NotImplementedError

    def command(self, role: str, command: Command) -> None:
        raise NotImplementedError


@pytest.fixture
def taken() -> Iterator[int]:
    """Return a port that something else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port: int = other.getsockname()[1]
        yield port


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "projector.example"])
def test_a_console_that_others_can_reach_says_that_it_is_not_encrypted(
    host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The warning comes before the links, and names what can happen."""
    show(LINKS, host)
    first, *links = capsys.readouterr().err.splitlines()
    assert first.startswith(f"warning: the console listens on {host}, without encryption")
    assert "act in their role" in first
    assert links == ["console  facilitator  http://x/1", "console  on-call      http://x/2"]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_console_of_this_machine_alone_warns_of_nothing(
    host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other machines can't reach loopback."""
    show(LINKS, host)
    assert "warning" not in capsys.readouterr().err


def test_an_address_that_cannot_be_had_is_reported_with_its_options(taken: int) -> None:
    """The message names address and port, and the options that change them."""
    with (
        pytest.raises(PortError, match=f"can't listen on 127.0.0.1, port {taken}: .*--console-port"),
        served(NoPages(), "127.0.0.1", taken),
    ):
        pytest.fail("it listens on a port that is taken")
