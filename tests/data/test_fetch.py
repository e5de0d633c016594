"""`fetch` against a local server that misbehaves in every way a real one does."""

import dataclasses
import errno
import hashlib
import importlib
import io
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srlib.data import download, sources

# The package re-exports the function under the module's name, so the module is asked for by name.
fetching = importlib.import_module("srlib.data.fetch")
fetch, find, DataError = fetching.fetch, fetching.find, fetching.DataError


def noise(size: int, seed: int = 0) -> bytes:
    return np.random.default_rng(seed).bytes(size)


BABY = noise(200_000, seed=1)  # several chunks long
BIRD = noise(40_000, seed=2)
SET5 = {"baby.png": BABY, "bird.png": BIRD}


@dataclasses.dataclass
class Request:
    path: str
    range: str | None
    sent: int = 0  # bytes of body


class Server(ThreadingHTTPServer):
    """Serves ``files``; each request for a path first uses up one of its ``faults``."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[str]] = {}
        self.log: list[Request] = []
        self.closing = threading.Event()  # ends the stalls

    def requests_for(self, path: str) -> list[Request]:
        return [request for request in self.log if request.path == path]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        request = Request(self.path, self.headers["Range"])
        self.server.log.append(request)
        faults = self.server.faults.get(self.path, [])
        fault = faults.pop(0) if faults else ""
        body = self.server.files.get(self.path)
        if fault.isdigit() or body is None:
            return self.send_error(int(fault or 404))
        if fault == "corrupt":
            body = body[:-1] + bytes([body[-1] ^ 1])
        start, status = 0, 200
        if request.range and fault != "ignores range":
            start, status = int(request.range.removeprefix("bytes=").removesuffix("-")), 206
        if start >= len(body):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(body)}")
            return self.end_headers()
        if fault == "other range":
            start += 1
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        rest = body[start:]
        if fault != "no length":
            self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if fault in ("cut", "stall"):
            rest = rest[: len(rest) // 2]
        try:
            self.wfile.write(rest)
            request.sent = len(rest)
            if fault == "stall":
                self.server.closing.wait(20)
        except OSError:
            pass  # the other side hung up

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.closing.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, an empty registry, no SRLIB_DATA, and retries that follow at once."""
    (tmp_path / "registry").mkdir()
    monkeypatch.setattr(sources, "REGISTRY", tmp_path / "registry")
    monkeypatch.setattr(download, "BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(download, "STALL_SECONDS", 10.0)
    monkeypatch.delenv("SRLIB_DATA", raising=False)
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


@pytest.fixture
def impatient(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that brings nothing counts as broken soon."""
    monkeypatch.setattr(download, "STALL_SECONDS", 0.4)


def register(
    name: str, files: dict[str, bytes], algorithm: str = "sha256", digits: int | None = None
) -> None:
    """Makes these files the whole of a set."""
    lines = [
        f"{file} {algorithm}:{hashlib.new(algorithm, b).hexdigest()[:digits]}\n" for file, b in files.items()
    ]
    (sources.REGISTRY / f"{name}.txt").write_text("".join(lines))


Offer = Callable[..., None]


@pytest.fixture
def offer(cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Offer:
    """Registers a set and puts its files on the server."""
    monkeypatch.setenv("SRLIB_MIRROR", server.url)

    def offer(name: str, files: dict[str, bytes], **checksum: Any) -> None:
        register(name, files, **checksum)
        server.files |= {f"/{name}/{file}": body for file, body in files.items()}

    return offer


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones and locks aside."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in paths
        if not path.name.startswith(".") and path.suffix != ".lock"
    }


def put(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"picture")
    return folder


def fails(name: str, *words: str) -> None:
    """Asserts that fetching fails with one line that has these words in it, and leaves no set behind."""
    with pytest.raises(DataError) as caught:
        fetch(name, progress=False)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message
    assert find(name) is None


PICTURES = {"0801.png": BIRD, "0802.png": b"two"}


@pytest.fixture
def offer_zip(offer: Offer, monkeypatch: pytest.MonkeyPatch) -> Offer:
    """Offers a div2k-valid of two pictures, at most 100 kB unpacked, as this archive."""
    small = dataclasses.replace(
        sources.SOURCES["div2k-valid"], archive=("0801", "0802"), unpacked_limit=100_000
    )
    monkeypatch.setitem(sources.SOURCES, "div2k-valid", small)
    return lambda body: offer("div2k-valid", {"DIV2K_valid_HR.zip": body}, algorithm="md5")


def packed(*extra: tuple[zipfile.ZipInfo | str, bytes], pictures: dict[str, bytes] = PICTURES) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, body in pictures.items():
            archive.writestr(f"DIV2K_valid_HR/{name}", body)
        for entry, body in extra:
            archive.writestr(entry, body, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


# --- a good server ---


def test_a_set_is_downloaded_byte_for_byte(offer: Offer, cache: Path) -> None:
    offer("set5", SET5)
    assert find("set5") is None
    folder = fetch("set5")
    assert folder == cache / "set5" == find("set5")
    assert content(folder) == SET5
    assert content(cache) == {f"set5/{file}": body for file, body in SET5.items()}  # and nothing else


def test_a_second_call_asks_the_network_nothing(
    offer: Offer, cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer("set5", SET5)
    fetch("set5")
    asked = len(server.log)
    monkeypatch.setattr("pooch.Pooch.fetch", lambda *_: pytest.fail("looked at every file again"))
    assert content(fetch("set5")) == SET5
    assert len(server.log) == asked == 2


def test_a_file_that_has_gone_is_fetched_again_and_only_that(offer: Offer, server: Server) -> None:
    offer("set5", SET5)
    (fetch("set5") / "bird.png").unlink()
    assert find("set5") is None
    assert content(fetch("set5")) == SET5
    assert Counter(request.path for request in server.log) == {"/set5/baby.png": 1, "/set5/bird.png": 2}


def test_a_new_registry_replaces_the_file_that_changed_and_only_that(offer: Offer, server: Server) -> None:
    offer("set5", SET5)
    fetch("set5")
    offer("set5", new := SET5 | {"bird.png": noise(500, seed=9)})
    assert find("set5") is None
    assert content(fetch("set5")) == new
    assert len(server.requests_for("/set5/baby.png")) == 1


def test_a_set_with_parts_keeps_them_in_sub_folders(offer: Offer) -> None:
    files = {"train/1.jpg": BABY, "val/2.jpg": BIRD, "test/3.jpg": b"three"}
    offer("bsds500", files)
    assert content(fetch("bsds500")) == files


def test_many_small_files_arrive_whole(offer: Offer) -> None:
    files = {f"im_{i:03d}.png": noise(1000 + i, seed=i) for i in range(40)}
    offer("general100", files)
    assert content(fetch("general100")) == files


def test_a_server_that_does_not_tell_the_length_is_understood(offer: Offer, server: Server) -> None:
    offer("set5", SET5)
    server.faults["/set5/baby.png"] = ["no length"]
    assert content(fetch("set5")) == SET5


def test_licence_and_citation_are_told_when_fetching_and_not_afterwards(
    offer: Offer, capsys: pytest.CaptureFixture[str]
) -> None:
    offer("b100", {"1.jpg": b"one"})
    fetch("b100", progress=False)
    told = capsys.readouterr().err
    assert "non-commercial" in told
    assert "ICCV 2001" in told
    assert "%" not in told  # no progress bar
    fetch("b100")
    assert capsys.readouterr().err == ""


def test_progress_counts_the_bytes_of_the_whole_set(
    offer: Offer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    offer("set5", SET5)
    total = sum(map(len, SET5.values()))
    monkeypatch.setitem(sources.SOURCES, "set5", dataclasses.replace(sources.SOURCES["set5"], bytes=total))
    fetch("set5")
    assert "100%" in capsys.readouterr().err


# --- a bad one ---


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", ["500", "503", "429", "cut", "stall", "other range"])
def test_a_fault_that_passes_is_tried_again(offer: Offer, server: Server, fault: str) -> None:
    offer("set5", SET5)
    server.faults["/set5/baby.png"] = ["cut", fault] if fault == "other range" else [fault]
    assert content(fetch("set5")) == SET5
    assert len(server.requests_for("/set5/baby.png")) == (3 if fault == "other range" else 2)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", ["500", "cut", "stall"])
def test_a_fault_that_stays_ends_after_four_tries(
    offer: Offer, server: Server, cache: Path, fault: str
) -> None:
    offer("set5", {"baby.png": BABY})
    server.faults["/set5/baby.png"] = [fault] * 100
    fails("set5", f"{server.url}/set5/baby.png", "resume", "SRLIB_DATA")
    assert len(server.log) == 4
    for name, body in content(cache).items():  # only the beginning of the file, under another name
        assert name == "partial/set5/baby.png.part"
        assert len(body) < len(BABY)
        assert BABY.startswith(body)


def test_a_missing_file_is_not_asked_for_again(offer: Offer, server: Server, cache: Path) -> None:
    offer("set5", {"baby.png": BABY})
    server.faults["/set5/baby.png"] = ["404"] * 100
    fails("set5", f"{server.url}/set5/baby.png", "404", "SRLIB_DATA")
    assert len(server.log) == 1
    assert content(cache) == {}


def test_a_wrong_checksum_deletes_the_file_and_says_so(offer: Offer, server: Server, cache: Path) -> None:
    offer("set5", {"baby.png": BABY})
    server.faults["/set5/baby.png"] = ["corrupt"]
    fails("set5", f"{server.url}/set5/baby.png", "checksum", "deleted")
    assert content(cache) == {}
    assert content(fetch("set5")) == {"baby.png": BABY}


@pytest.mark.usefixtures("impatient")
def test_what_came_before_a_fault_is_not_fetched_twice(offer: Offer, server: Server) -> None:
    offer("set5", SET5)
    server.faults["/set5/baby.png"] = ["stall", "404"]  # the bird has come by then
    with pytest.raises(DataError):
        fetch("set5", progress=False)
    assert content(fetch("set5")) == SET5
    assert [request.sent for request in server.requests_for("/set5/bird.png")] == [len(BIRD)]


def test_offline_ends_soon_with_one_clear_line(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    monkeypatch.setenv("SRLIB_MIRROR", url)
    register("set5", SET5)
    start = time.monotonic()
    fails("set5", url, "offline?", "SRLIB_DATA")
    assert time.monotonic() - start < 10
    assert content(cache) == {}


def test_a_mirror_that_is_no_address_is_named(offer: Offer, monkeypatch: pytest.MonkeyPatch) -> None:
    offer("set5", SET5)
    monkeypatch.setenv("SRLIB_MIRROR", "classroom:8000")
    fails("set5", "SRLIB_MIRROR", "classroom:8000")


# --- going on where it stopped ---


def break_off(server: Server) -> int:
    """Fetches Set5's `baby` until its connection breaks for good; returns how many bytes came."""
    server.faults["/set5/baby.png"] = ["cut", "500", "500", "500"]
    with pytest.raises(DataError):
        fetch("set5", progress=False)
    server.log.clear()
    return len(BABY) // 2


def test_a_broken_download_goes_on_where_it_stopped(offer: Offer, server: Server) -> None:
    offer("set5", {"baby.png": BABY})
    half = break_off(server)
    assert content(fetch("set5")) == {"baby.png": BABY}
    (request,) = server.log
    assert request.range is not None
    have = int(request.range.removeprefix("bytes=").removesuffix("-"))
    assert half - download.CHUNK < have <= half
    assert request.sent == len(BABY) - have


def test_a_server_that_cannot_resume_sends_everything_again(offer: Offer, server: Server) -> None:
    offer("set5", {"baby.png": BABY})
    break_off(server)
    server.faults["/set5/baby.png"] = ["ignores range"]
    assert content(fetch("set5")) == {"baby.png": BABY}
    assert [request.sent for request in server.log] == [len(BABY)]


def test_a_file_that_changed_on_the_server_is_fetched_from_its_beginning(
    offer: Offer, server: Server
) -> None:
    offer("set5", {"baby.png": BABY})
    server.files["/set5/baby.png"] = noise(len(BABY), seed=7)  # an older version
    break_off(server)
    server.files["/set5/baby.png"] = BABY
    assert content(fetch("set5")) == {"baby.png": BABY}
    assert [request.range is None for request in server.log] == [False, True]


@pytest.mark.parametrize("surplus", [b"", b"more"])
def test_a_part_that_is_whole_or_too_long_is_no_obstacle(
    offer: Offer, server: Server, cache: Path, surplus: bytes
) -> None:
    offer("set5", {"baby.png": BABY})
    part = cache / "partial" / "set5" / "baby.png.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(BABY + surplus)
    assert content(fetch("set5")) == {"baby.png": BABY}
    assert sum(request.sent for request in server.log) == (len(BABY) if surplus else 0)


def start_process(tmp_path: Path) -> "subprocess.Popen[str]":
    """Another Python that fetches set5 with the registry of this test."""
    program = (
        "import importlib, sys; from pathlib import Path; from srlib.data import sources\n"
        "sources.REGISTRY = Path(sys.argv[1])\n"
        "print(importlib.import_module('srlib.data.fetch').fetch('set5', progress=False))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "registry")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL)


def test_a_killed_process_leaves_no_set_and_the_next_one_goes_on(
    offer: Offer, server: Server, cache: Path, tmp_path: Path
) -> None:
    offer("set5", {"baby.png": BABY})
    server.faults["/set5/baby.png"] = ["stall"]
    process = start_process(tmp_path)
    part = cache / "partial" / "set5" / "baby.png.part"
    whole_chunks = len(BABY) // 2 // download.CHUNK * download.CHUNK
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size >= whole_chunks):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert find("set5") is None
    have = part.stat().st_size
    assert content(fetch("set5")) == {"baby.png": BABY}
    assert content(cache) == {"set5/baby.png": BABY}
    assert [request.range for request in server.log] == [None, f"bytes={have}-"]
    assert server.log[1].sent == len(BABY) - have


def test_two_processes_at_once_get_the_same_whole_set(
    offer: Offer, server: Server, cache: Path, tmp_path: Path
) -> None:
    offer("set5", SET5)
    server.faults["/set5/baby.png"] = ["500"]  # so that the first takes a little longer
    processes = [start_process(tmp_path) for _ in range(2)]
    said = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert said == [str(cache / "set5")] * 2
    assert content(cache / "set5") == SET5
    assert Counter(request.path for request in server.log) == {"/set5/baby.png": 2, "/set5/bird.png": 1}


@pytest.mark.usefixtures("impatient")
def test_one_who_waited_for_another_s_download_takes_that(offer_zip: Offer, server: Server) -> None:
    offer_zip(packed())
    server.faults["/div2k-valid/DIV2K_valid_HR.zip"] = ["stall"]  # both have seen an empty cache by then
    with ThreadPoolExecutor(2) as pool:
        folders = list(pool.map(fetch, ["div2k-valid"] * 2))
    assert folders[0] == folders[1]
    assert content(folders[0]) == PICTURES
    assert len(server.log) == 2  # one broken, one good


def test_an_outdated_set_and_a_new_one_half_done_do_not_clash(
    offer: Offer, server: Server, cache: Path
) -> None:
    offer("set5", {"baby.png": b"old", "bird.png": BIRD})
    fetch("set5")
    offer("set5", SET5)
    put(cache / "partial" / "set5", "tmp123")
    assert content(fetch("set5")) == SET5
    assert set(content(cache)) == {"set5/baby.png", "set5/bird.png"}


@pytest.mark.usefixtures("impatient")
@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_stops_all_downloads_at_once(offer: Offer, server: Server) -> None:
    offer("set5", {f"{i}.png": noise(1000, seed=i) for i in range(30)})
    for path in server.files:
        server.faults[path] = ["stall"] * 100

    def interrupt() -> None:
        while len(server.log) < fetching.THREADS:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    start = time.monotonic()
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background job
    try:
        threading.Thread(target=interrupt, daemon=True).start()
        with pytest.raises(KeyboardInterrupt):
            fetch("set5", progress=False)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert time.monotonic() - start < 10  # a few stalls at most, not four for every file
    assert len(server.log) <= 2 * fetching.THREADS
    assert find("set5") is None


# --- the disk ---


class FullDisk(io.FileIO):
    """A file on a disk that has room for a little only."""

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > 100_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


def test_a_full_disk_is_named_and_the_download_goes_on_later(
    offer: Offer, server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer("set5", {"baby.png": BABY})
    with monkeypatch.context() as full:
        real_open = Path.open

        def open_on_full_disk(path: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            on_it = path.suffix == ".part" and mode != "rb"
            return FullDisk(path, mode) if on_it else real_open(path, mode, *args, **kwargs)

        full.setattr(Path, "open", open_on_full_disk)
        fails("set5", "full", str(cache), "resume")
    left = content(cache)
    assert set(left) == {"partial/set5/baby.png.part"}
    assert content(fetch("set5")) == {"baby.png": BABY}
    assert server.log[-1].sent == len(BABY) - len(left["partial/set5/baby.png.part"])


def test_a_file_in_the_place_of_the_cache_is_named(offer: Offer, cache: Path) -> None:
    offer("set5", SET5)
    cache.write_text("not a folder")
    fails("set5", str(cache), "SRLIB_CACHE")


# --- archives ---


def special(name: str, kind: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (kind | 0o644) << 16
    return entry


def test_an_archive_becomes_a_flat_folder_of_pictures(offer_zip: Offer, cache: Path, server: Server) -> None:
    offer_zip(packed())
    folder = fetch("DIV2K_valid")
    assert folder == cache / "div2k-valid"
    assert content(cache) == {f"div2k-valid/{file}": body for file, body in PICTURES.items()}
    fetch("div2k-valid")
    assert len(server.log) == 1


@pytest.mark.parametrize(
    "entry",
    [
        "../evil.png",
        "DIV2K_valid_HR/../../evil.png",
        "/evil.png",
        "..\\evil.png",
        "DIV2K_valid_HR\\evil.png",
        "C:/evil.png",
        "C:evil.png",
        special("evil.png", stat.S_IFLNK),
        special("evil.png", stat.S_IFIFO),
    ],
    ids=str,
)
def test_a_hostile_entry_refuses_the_whole_archive(
    offer_zip: Offer, cache: Path, tmp_path: Path, entry: zipfile.ZipInfo | str
) -> None:
    offer_zip(packed((entry, b"/etc/passwd")))
    fails("div2k-valid", "DIV2K_valid_HR.zip", "unsafe", "evil")
    assert content(cache) == {}
    assert not list(tmp_path.parent.rglob("*evil*"))


def test_an_archive_that_would_fill_the_disk_is_refused(offer_zip: Offer, cache: Path) -> None:
    bomb = packed(("DIV2K_valid_HR/0803.png", bytes(1_000_000)))
    assert len(bomb) < 50_000
    offer_zip(bomb)
    fails("div2k-valid", "100000 bytes")
    assert content(cache) == {}


def damaged(body: bytes) -> bytes:
    at = body.index(BIRD) + 100
    return body[:at] + bytes([body[at] ^ 255]) + body[at + 1 :]


@pytest.mark.parametrize(
    "body",
    [b"<html>Please log in</html>", packed()[:-200], damaged(packed()), packed(pictures={"0801.png": BIRD})],
    ids=["no zip", "truncated", "damaged", "incomplete"],
)
def test_a_broken_archive_is_deleted(offer_zip: Offer, cache: Path, body: bytes) -> None:
    offer_zip(body)
    fails("div2k-valid", "DIV2K_valid_HR.zip", "refused and deleted")
    assert content(cache) == {}


def test_a_disk_that_fills_while_unpacking_keeps_the_archive_only(
    offer_zip: Offer, cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(source: Any, target: Any, *_: Any) -> None:
        target.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    offer_zip(packed())
    with monkeypatch.context() as full:
        full.setattr(shutil, "copyfileobj", fill)
        fails("div2k-valid", "full", str(cache))
    assert content(cache) == {"partial/div2k-valid/DIV2K_valid_HR.zip": packed()}
    assert content(fetch("div2k-valid")) == PICTURES
    assert len(server.log) == 1


def test_a_picture_gone_from_an_unpacked_set_is_brought_back(offer_zip: Offer, cache: Path) -> None:
    offer_zip(packed())
    (fetch("div2k-valid") / "0802.png").unlink()
    assert content(fetch("div2k-valid")) == PICTURES
    assert content(cache) == {f"div2k-valid/{file}": body for file, body in PICTURES.items()}


# --- weights of which only the beginning of the checksum is known ---


def test_the_beginning_of_a_checksum_is_enough(offer: Offer) -> None:
    offer("vgg19", {"vgg19.pth": BABY}, digits=8)
    assert content(fetch("vgg19")) == {"vgg19.pth": BABY}


def test_a_wrong_beginning_of_the_checksum_deletes_the_file(
    offer: Offer, server: Server, cache: Path
) -> None:
    offer("vgg19", {"vgg19.pth": BABY}, digits=8)
    server.faults["/vgg19/vgg19.pth"] = ["corrupt"]
    fails("vgg19", "checksum", "deleted")
    assert content(cache) == {}


# --- SRLIB_DATA ---


@pytest.fixture
def data(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty SRLIB_DATA, and a network that nobody may use."""
    monkeypatch.setenv("SRLIB_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SRLIB_MIRROR", "http://127.0.0.1:9")
    monkeypatch.setattr("requests.Session.get", lambda *_, **__: pytest.fail("used the network"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.mark.parametrize("place", ["benchmarks/Set5", "train/Set5", "Set5", "Benchmarks/SET5", "set5"])
def test_a_folder_that_has_the_set_is_taken_as_it_is(data: Path, place: str) -> None:
    register("set5", SET5)
    folder = put(data / place, "baby.png", "bird.png", "notes.txt")
    assert fetch("Set5") == folder == find("SET5")


@pytest.mark.parametrize("folder", ["B100", "BSD100", "bsds100"])
@pytest.mark.parametrize("name", ["b100", "B100", "bsd100", "BSD100"])
def test_b100_and_bsd100_are_one_set_whatever_its_format(data: Path, folder: str, name: str) -> None:
    register("b100", {"3096.jpg": b"jpeg"})
    there = put(data / "benchmarks" / folder, "3096.png")
    assert fetch(name) == there


def test_bsds500_is_found_in_its_authors_layout(data: Path) -> None:
    register("bsds500", {"train/1.jpg": b"", "val/2.jpg": b"", "test/3.jpg": b""})
    images = put(data / "BSR/BSDS500/data/images", "train/1.jpg", "val/2.jpg", "test/3.jpg")
    assert fetch("bsds500") == images


def test_div2k_is_found_in_its_authors_layout(data: Path) -> None:
    register("div2k-valid-x4", {"DIV2K_valid_LR_bicubic_X4.zip": b""}, algorithm="md5")
    folder = put(data / "DIV2K/DIV2K_valid_LR_bicubic/X4", *(f"0{i}x4.png" for i in range(801, 901)))
    assert fetch("div2k-valid-x4") == folder


def test_converted_weights_stand_in_for_those_of_torchvision(data: Path) -> None:
    register("vgg19", {"vgg19.pth": BABY}, digits=8)
    folder = put(data / "vgg19", "up_to_conv2_2.npz")
    assert fetch("vgg19") == folder


def test_srlib_data_comes_before_the_cache(
    offer: Offer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer("set5", SET5)
    cached = fetch("set5")
    monkeypatch.setenv("SRLIB_DATA", str(tmp_path))
    assert fetch("set5") == cached  # SRLIB_DATA does not have it
    folder = put(tmp_path / "benchmarks" / "Set5", "baby.png", "bird.png")
    assert fetch("set5") == folder


def test_an_incomplete_folder_names_what_is_missing(data: Path) -> None:
    register("set5", {f"{name}.png": b"" for name in ("baby", "bird", "butterfly", "head", "woman")})
    folder = put(data / "Set5", "head.png")
    (folder / "woman.png").touch()  # empty: a copy that failed
    for look in (fetch, find):
        with pytest.raises(DataError) as caught:
            look("set5")
        message = str(caught.value)
        assert f"{folder} lacks 4 of the 5 files" in message
        assert "baby, bird, butterfly, ..." in message
        assert "\n" not in message


def test_a_complete_folder_counts_more_than_an_incomplete_one(data: Path) -> None:
    register("b100", {"1.jpg": b"", "2.jpg": b""})
    put(data / "benchmarks/B100", "1.png")
    whole = put(data / "benchmarks/BSD100", "1.png", "2.png")
    assert fetch("b100") == whole


def test_srlib_data_that_is_no_folder_is_named(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register("set5", SET5)
    monkeypatch.setenv("SRLIB_DATA", str(data / "nowhere"))
    for look in (fetch, find):
        with pytest.raises(DataError, match=r"SRLIB_DATA is .*nowhere"):
            look("set5")


def test_find_never_uses_the_network(data: Path) -> None:
    for name in fetching.names():
        register(name, {"1.png": b"", "2.png": b""})
        assert find(name) is None


# --- names ---


def test_names_lists_what_fetch_knows() -> None:
    div2k = {f"div2k-{part}{scale}" for part in ("train", "valid") for scale in ("", "-x2", "-x3", "-x4")}
    photographs = {"set5", "set14", "b100", "urban100", "t91", "bsds500", "bsds399", "general100"}
    assert set(fetching.names()) == photographs | div2k | {"vgg19"}


@pytest.mark.parametrize("look", [fetch, find], ids=["fetch", "find"])
def test_an_unknown_name_lists_the_known_and_suggests_the_nearest(look: Callable[[str], object]) -> None:
    with pytest.raises(ValueError, match=r"'urban10'.*did you mean 'urban100'.*set5, set14, b100") as caught:
        look("urban10")
    assert "\n" not in str(caught.value)


def test_a_name_like_no_other_gets_no_suggestion() -> None:
    with pytest.raises(ValueError, match="there are: set5") as caught:
        fetch("holiday photographs")
    assert "did you mean" not in str(caught.value)


def test_an_error_of_the_data_is_an_os_error() -> None:
    assert issubclass(DataError, OSError)
