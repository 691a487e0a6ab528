"""`edgeforge report --serve`: a page that follows a build, on this machine alone."""

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from toy_builds import toy_plan

from edgeforge.builder.run import Watcher
from edgeforge.builder.state import LOGS, STATE, StateWatcher
from edgeforge.builder.store import Store
from edgeforge.errors import EdgeForgeError, RecipeError
from edgeforge.report.serve import BuildServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[BuildServer]:
    following = StateWatcher(Watcher(), tmp_path / "toy" / LOGS / STATE)
    with following.told(toy_plan(tmp_path, "toy", 1), Store(tmp_path / ".store"), 2):
        following.started("one", "First")
        following.progress("one", 0.25, "epoch 1/4")
        with BuildServer(tmp_path / "toy", 0) as serving:
            thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
            thread.start()
            yield serving
            serving.shutdown()
            thread.join()


def get(server: BuildServer, path: str, host: str | None = None) -> tuple[int, bytes]:
    connection = HTTPConnection(*server.server_address[:2], timeout=10)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_it_answers_with_the_state_and_with_the_report_once_there_is_one(server: BuildServer, tmp_path: Path) -> None:
    status, text = get(server, "/state.json")
    state = json.loads(text)
    assert status == 200 and state["report"] is None and state["build"]["stages"][0]["state"] == "running"
    assert get(server, "/report.html")[0] == 404
    (tmp_path / "toy" / "report.html").write_text("<h1>done</h1>")
    assert get(server, "/report.html") == (200, b"<h1>done</h1>")
    assert json.loads(get(server, "/state.json")[1])["report"]
    page = get(server, "/")[1].decode()
    assert "https:" not in page and "http:" not in page, "it needs no network"


@pytest.mark.parametrize("path", ["/../toy/logs/state.json", "/recipe.lock.yaml", "/.edgeforge.json", "//etc/passwd"])
def test_it_shows_no_other_file(server: BuildServer, path: str, tmp_path: Path) -> None:
    (tmp_path / "toy" / "recipe.lock.yaml").write_text("secret")
    assert get(server, path)[0] == 404


def test_another_sites_name_for_this_machine_is_refused(server: BuildServer) -> None:
    assert get(server, "/state.json", "rebound.example:80")[0] == 403


def test_what_cannot_be_served_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no build there"):
        BuildServer(tmp_path, 0)
    (tmp_path / "report.html").write_text("")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EdgeForgeError, match=f"port {port} cannot be used") as error:
            BuildServer(tmp_path, port)
    assert "--port 0" in error.value.fix


def test_ctrl_c_ends_it_well(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("")
    command = [sys.executable, "-m", "edgeforge", "report", str(tmp_path), "--serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout and "http://127.0.0.1:" in running.stdout.readline()
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=20)
        assert running.returncode == 0 and not said
