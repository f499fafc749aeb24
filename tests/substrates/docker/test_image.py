"""Content of the image."""

from __future__ import annotations

from pathlib import Path

from gameday.substrates.docker.image import context, digest


def compose(folder: Path) -> Path:
    (folder / "storefront").mkdir(parents=True)
    (folder / "storefront" / "__init__.py").touch()
    for name in ("Dockerfile", "requirements.txt"):
        (folder / name).write_text("x\n")
    return folder


def test_the_link_server_is_the_runners_own(tmp_path: Path) -> None:
    """The link server in the image is the installed runner's, so that both substrates run the same."""
    server = context(compose(tmp_path), tmp_path)["gameday/links/server"]
    assert isinstance(server, Path)
    assert (server / "__main__.py").exists()


def test_the_tag_names_the_content(tmp_path: Path) -> None:
    """The same content on the same base has the same digest; a change of either has another."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    files = context(compose(tmp_path / "compose"), wheels)
    first = digest(files, "base")
    assert digest(files, "base") == first
    assert digest(files, "other") != first
    (wheels / "thing.whl").touch()
    assert digest(files, "base") != first
