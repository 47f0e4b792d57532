"""A full disk and a failed flush: nothing is acknowledged that is not durable, and squall goes on by itself when it can."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from squall_server import Squall, write_pack

HOOK = ("name: hook\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: hook}}\n"
        "criteria: {}\naction: {ref: core.noop}\n")
SLOW = "name: slow\nrunner_type: local-shell-cmd\nenabled: true\nparameters:\n  cmd: {default: 'sleep 2; echo done', immutable: true}\n"
# Between squall and the disk: while the file named by FAULT_SWITCH is there, writes below FAULT_FOLDER fail as it says.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int fault(int fd, const char* kind) {
  const char* name = getenv("FAULT_SWITCH");
  const char* folder = getenv("FAULT_FOLDER");
  char link[64], path[4096], text[16] = "";
  if (!name || !folder || access(name, F_OK) != 0) return 0;
  FILE* file = fopen(name, "r");
  if (file) { if (!fgets(text, sizeof text, file)) text[0] = 0; fclose(file); }
  if (strcmp(text, kind) != 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return 0;
  path[size] = 0;
  return strncmp(path, folder, strlen(folder)) == 0;
}
ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t at) {
  static ssize_t (*real)(int, const void*, size_t, off64_t);
  if (!real) real = dlsym(RTLD_NEXT, "pwrite64");
  if (fault(fd, "full")) { errno = ENOSPC; return -1; }
  return real(fd, bytes, count, at);
}
ssize_t pwrite(int fd, const void* bytes, size_t count, off_t at) { return pwrite64(fd, bytes, count, at); }
int fdatasync(int fd) {
  static int (*real)(int);
  if (!real) real = dlsym(RTLD_NEXT, "fdatasync");
  if (fault(fd, "flush")) { errno = EIO; return -1; }
  return real(fd);
}
int fsync(int fd) {
  static int (*real)(int);
  if (!real) real = dlsym(RTLD_NEXT, "fsync");
  if (fault(fd, "flush")) { errno = EIO; return -1; }
  return real(fd);
}
"""


def pack(folder: Path) -> Path:
    return write_pack(folder / "packs", "disk", {"rules/hook.yaml": HOOK, "actions/slow.yaml": SLOW})


class Disk:
    """Something that can be full."""

    def __init__(self, folder: Path, env: dict[str, str], fill: Callable[[], None], make_room: Callable[[], None]) -> None:
        self.folder, self.env, self.fill, self.make_room = folder, env, fill, make_room


def shim(folder: Path) -> dict[str, str]:
    source, library = folder / "shim.c", folder / "shim.so"
    source.write_text(SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True, capture_output=True)
    return {"LD_PRELOAD": str(library), "FAULT_SWITCH": str(folder / "switch"), "FAULT_FOLDER": str(folder)}


@pytest.fixture(params=["tmpfs", "shim"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    if request.param == "shim":
        folder = tmp_path / "disk"
        folder.mkdir()
        switch = folder / "switch"
        yield Disk(folder, shim(folder), lambda: (folder / "new").write_text("full") and (folder / "new").rename(switch), switch.unlink)
        return
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], capture_output=True, check=False).returncode:
        pytest.skip("a small file system needs the right to mount; the other variant left nothing out")
    filler = folder / "filler"

    def fill() -> None:
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    pass
            except OSError:
                return

    try:
        yield Disk(folder, {}, fill, filler.unlink)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def serve(disk: Disk, tmp_path: Path) -> Squall:
    squall = Squall(disk.folder, [pack(tmp_path)], disk.env)
    squall.log = tmp_path / "squall.log"
    return squall.start()


def test_full_disk_is_told_acknowledges_nothing_and_ends_by_itself(disk: Disk, tmp_path: Path) -> None:
    squall = serve(disk, tmp_path)
    try:
        acknowledged: list[int] = []
        unanswered: list[threading.Thread] = []

        def post(number: int) -> None:
            try:
                if squall.call("POST", "/v1/webhooks/hook", {"n": number, "text": "x" * 20_000})[0] == 202:
                    acknowledged.append(number)
            except OSError:
                pass

        post(0)
        assert acknowledged == [0]
        slow = squall.run("disk.slow")
        disk.fill()
        # The log may have room of its own for some more: until it is used up, too.
        for number in range(1, 2000):
            thread = threading.Thread(target=post, args=(number,))
            thread.start()
            thread.join(1)
            if thread.is_alive():
                unanswered.append(thread)
            if squall.get("/squall/health")["status"] == "held up":
                break
        before = set(acknowledged)
        health = squall.get("/squall/health")
        assert health["status"] == "held up" and "no space" in health["reason"], health
        for method, path, body in [("POST", "/v1/webhooks/hook", {"n": -1}), ("POST", "/v1/executions", {"action": "core.noop"}),
                                   ("PUT", "/v1/keys/k", {"value": "v"}), ("DELETE", "/v1/executions/" + slow, None)]:
            status, answer = squall.call(method, path, body)
            assert status == 507 and "no space" in answer["faultstring"], (method, path, status, answer)
        assert squall.get("/executions/" + slow)["status"] == "running"
        time.sleep(2.5)  # the running action ends while nothing can be written
        assert set(acknowledged) == before, "acknowledged, but not on the disk"
        disk.make_room()
        squall.until("it goes on by itself", lambda: squall.get("/squall/health")["status"] == "ok", 5)
        assert squall.finished(slow, 20)["result"]["stdout"] == "done"
        for thread in unanswered:
            thread.join(20)
        assert squall.result("core.noop")["status"] == "succeeded"
        assert squall.log.read_text().count("changes wait until there is space") == 1
        assert squall.process and squall.process.poll() is None, "the same process"
        squall.kill()
        squall.start()
        numbers = [i["payload"]["body"]["n"] for i in squall.get("/triggerinstances?limit=-1") if i["payload"].get("body")]
        assert set(acknowledged) <= set(numbers) and len(numbers) == len(set(numbers)) and -1 not in numbers
    finally:
        squall.kill()


def test_stopping_does_not_wait_for_a_full_disk(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    disk = Disk(folder, shim(folder), lambda: None, lambda: None)
    squall = serve(disk, tmp_path)
    try:
        (folder / "switch").write_text("full")
        thread = threading.Thread(target=lambda: squall_call_quietly(squall))
        thread.start()
        squall.until("it is held up", lambda: squall.get("/squall/health")["status"] == "held up")
        squall.stop()
        thread.join(20)
    finally:
        squall.kill()


def squall_call_quietly(squall: Squall) -> None:
    try:
        squall.call("POST", "/v1/executions", {"action": "core.noop"})
    except OSError:
        pass


def test_failed_fsync_ends_the_process_with_75_and_the_next_start_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    disk = Disk(folder, shim(folder), lambda: None, lambda: None)
    squall = serve(disk, tmp_path)
    try:
        status, kept = squall.call("POST", "/v1/executions", {"action": "core.local", "parameters": {"cmd": "sleep 30"}})
        assert status == 201
        (folder / "new").write_text("flush")
        (folder / "new").rename(folder / "switch")
        with pytest.raises(OSError):
            answer = squall.call("POST", "/v1/executions", {"action": "core.noop"})
            raise AssertionError(f"answered {answer}, but not flushed")
        assert squall.process and squall.process.wait(20) == 75
        assert "a flush to the disk failed" in squall.log.read_text()
        (folder / "switch").unlink()
        squall.start()
        assert squall.finished(kept["id"])["status"] == "abandoned"
        assert squall.result("core.noop")["status"] == "succeeded"
    finally:
        squall.kill()
        shutil.rmtree(folder, ignore_errors=True)
