"""The HTTP endpoint: what it answers, what it refuses, and that nothing ends it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raspberry_pi_bundle import client_of, one_error

pytest.importorskip("fastapi", reason="needs the server: pip install 'edgeforge-toolchain[serve]'")
from fastapi.testclient import TestClient


@pytest.fixture(scope="module")
def client(packed_bundle: Path) -> Iterator[TestClient]:
    with client_of(packed_bundle, max_bytes=10_000) as one:
        yield one


@pytest.fixture(scope="module")
def image(packed_bundle: Path) -> tuple[bytes, str]:
    """An image as bytes, and its label."""
    path = sorted((packed_bundle / "samples").glob("*.png"))[0]
    return path.read_bytes(), path.stem.split("-")[1]


def test_an_image_is_answered_with_label_and_score(client: TestClient, image: tuple[bytes, str]) -> None:
    answer = client.post("/classify", content=image[0])
    assert answer.status_code == 200
    assert answer.json()["label"] == image[1] and 0 < answer.json()["score"] <= 1
    assert answer.json()["variant"] == "onnx-fp32" and answer.json()["ms"] > 0


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_sends_an_image_in_every_way(bundle: Path, served: str) -> None:
    path = sorted((bundle / "samples").glob("*.png"))[0]
    label = path.stem.split("-")[1]

    def curl(*words: str) -> dict[str, str]:
        done = subprocess.run(["curl", "-sS", *words], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    for words in (["-F", f"image=@{path}"], ["-F", "a=b", "-F", f"other=@{path}"], ["-T", str(path)],
                  ["--data-binary", f"@{path}"]):  # fmt: skip
        assert curl(*words, f"{served}/classify")["label"] == label
    assert curl("-T", str(path), f"{served}/")["label"] == label
    assert curl("-T", str(path), f"{served}/classify/")["label"] == label
    assert "the form holds no file" in curl("-F", "image=photo.png", f"{served}/classify")["error"]
    large = bundle / "large.png"
    large.write_bytes(bytes(5 * 2**20))
    assert "more than 4,194,304 bytes" in curl("-F", f"image=@{large}", f"{served}/classify")["error"]


@settings(max_examples=40, deadline=None)
@given(body=st.binary(max_size=200), boundary=st.binary(max_size=80), cut=st.integers(0, 150))
def test_no_form_does_more_than_be_refused(client: TestClient, body: bytes, boundary: bytes, cut: int) -> None:
    form = b'--abc\r\nContent-Disposition: form-data; name="i"; filename="i"\r\n\r\n' + body + b"\r\n--abc--\r\n"
    whole = client.post("/classify", content=form, headers={"Content-Type": "multipart/form-data; boundary=abc"})
    part = client.post("/classify", content=form[:cut], headers={"Content-Type": "multipart/form-data; boundary=abc"})
    other = client.post(
        "/classify", content=form, headers={b"Content-Type": b"multipart/form-data; boundary=" + boundary}
    )
    assert {answer.status_code for answer in (whole, part, other)} <= {400, 422}


def test_the_page_needs_nothing_from_outside(client: TestClient, packed_bundle: Path) -> None:
    page = client.get("/")
    assert page.status_code == 200 and "on its test split 90.00 % right" in page.text
    assert "http://" not in page.text and "https://" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for path in (packed_bundle / "samples").glob("*.png"):
        assert f"samples/{path.name}" in page.text and client.get(f"/samples/{path.name}").content == path.read_bytes()
    assert client.get("/samples/..%2fbundle.json").status_code == 405


def test_health_and_metrics(client: TestClient, image: tuple[bytes, str]) -> None:
    health = client.get("/health").json()
    assert health["status"] == "ok" and health["providers"] == ["CPUExecutionProvider"]
    client.post("/classify", content=image[0])
    client.post("/classify", content=b"nothing")
    text = client.get("/metrics")
    assert text.headers["content-type"].startswith("text/plain")
    from prometheus_client.parser import text_string_to_metric_families

    samples = {(sample.name, sample.labels.get("status")): sample.value
               for family in text_string_to_metric_families(text.text) for sample in family.samples}  # fmt: skip
    assert samples["edgeforge_requests_total", "200"] >= 1 and samples["edgeforge_requests_total", "422"] >= 1
    assert samples["edgeforge_model_seconds_count", None] >= 1 and samples["edgeforge_waiting", None] == 0


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "no image in the request's body"),
        (b"x" * 10_001, 413, "more than 10,000 bytes"),
        (b"no image", 422, "not an image"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 20, 422, "the image"),
    ],
)
def test_what_is_no_image_is_refused(client: TestClient, body: bytes, status: int, words: str) -> None:
    answer = client.post("/classify", content=body)
    assert answer.status_code == status and words in answer.json()["error"]


def test_a_body_without_a_length_is_bounded_too(client: TestClient) -> None:
    answer = client.post("/classify", content=(b"x" * 1000 for _ in range(20)))
    assert answer.status_code == 413


def test_another_size_is_refused_unless_fit(client: TestClient, packed_bundle: Path) -> None:
    data = b"P5 20 10 255\n" + bytes(200)
    answer = client.post("/classify", content=data)
    assert answer.status_code == 422 and "20x10 L, the model takes 8x8 L" in answer.json()["error"]
    with client_of(packed_bundle, fit=True) as fitting:
        assert fitting.post("/classify", content=data).status_code == 200


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 119), noise=st.binary(min_size=1, max_size=40))
def test_malformed_images_get_an_answer_and_never_end_the_server(
    client: TestClient, image: tuple[bytes, str], cut: int, noise: bytes
) -> None:
    answer = client.post("/classify", content=image[0][:cut] + noise)
    assert answer.status_code in (200, 422)  # 200: the noise lies behind what a decoder reads
    assert client.post("/classify", content=image[0]).status_code == 200


def test_a_full_queue_says_come_back(packed_bundle: Path, image: tuple[bytes, str]) -> None:
    with client_of(packed_bundle, max_waiting=0) as full:
        answer = full.post("/classify", content=image[0])
        assert answer.status_code == 503 and answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("batch", [2, 8])
def test_batched_requests_get_each_their_own_answer(packed_bundle: Path, image: tuple[bytes, str], batch: int) -> None:
    bodies = [image[0], b"no image"] * 6
    with client_of(packed_bundle, batch=batch, wait=0.01) as batching, ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(lambda body: batching.post("/classify", content=body).status_code, bodies))
    assert statuses == [200, 422] * 6


@pytest.fixture
def served(bundle: Path) -> Iterator[str]:
    """The address of server.py as a process of its own."""
    command = [sys.executable, "server.py", "--port", "0"]
    with subprocess.Popen(command, cwd=bundle, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def test_the_server_is_bound_to_loopback_and_refuses_a_port_in_use(bundle: Path, served: str) -> None:
    assert served.startswith("http://127.0.0.1:")
    again = subprocess.run([sys.executable, "server.py", "--port", served.rpartition(":")[2]], cwd=bundle,
                           capture_output=True, text=True)  # fmt: skip
    assert "cannot be listened on: Address already in use" in one_error(again)


def test_the_load_test_ends_and_counts_every_answer(script) -> None:  # type: ignore[no-untyped-def]
    done = script("loadtest.py", "--json", "--clients", "1,3", "--requests", "31", "--", "--batch", "2")
    found = json.loads(done.stdout)
    assert done.returncode == 0 and [row["clients"] for row in found["rows"]] == [1, 3]
    for row in found["rows"]:
        assert row["requests"] == 31 and row["statuses"] == {"200": 31}
        assert 0 < row["p50_ms"] <= row["p90_ms"] <= row["p99_ms"]
    assert set(found["malformed"]["statuses"]) <= {"400", "422"} and found["malformed"]["alive"]
    assert "--nonsense" in one_error(script("loadtest.py", "--", "--nonsense"))
