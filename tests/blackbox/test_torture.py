"""Actions that behave as badly as they can: bounded, told, and nothing of them left behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from squall_server import Json, Squall, write_pack

# The long run: SQUALL_TORTURE_MB=10240 makes it the 10 GB of the promise.
OUTPUT_MB = int(os.environ.get("SQUALL_TORTURE_MB", "200"))
KEPT_BYTES = 64 << 20
GONE_WITHIN_S = 2.0
# How long the processes of these tests sleep: a number by which they are found again, and which no other run has.
SLEEP = str(10_000_000 + os.getpid())
SLACK_S = 2.0  # for a busy machine: what is asserted is the order of magnitude, the figure is the bench's

PYTHON = """
import os, signal, subprocess, sys, time
from st2common.runners.base_action import Action


class Torture(Action):
    def run(self, how, mark=None, size=0):
        return getattr(self, how)(mark, size)

    def large(self, mark, size):
        return {"text": "x" * size}

    def deaf(self, mark, size):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with open(mark, "w") as file:
            file.write(str(os.getpid()))
        time.sleep(600)

    def daemon(self, mark, size):
        # The classical way: two forks and a session of its own; and a program in yet another session.
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                for descriptor in (0, 1, 2):
                    os.close(descriptor)
                os.execv("/bin/sleep", ["sleep", "SLEEP_3"])
            os._exit(0)
        subprocess.Popen(["setsid", "sleep", "SLEEP_3"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        open(mark, "w").close()
        time.sleep(600)

    def signaled(self, mark, size):
        os.kill(os.getpid(), signal.SIGSEGV)

    def gone(self, mark, size):
        os._exit(7)

    def closed(self, mark, size):
        os.close(1)
        return "nobody hears this"

    def binary(self, mark, size):
        sys.stdout.buffer.write(b"\\xff\\x00\\x01end")
        return "fine"
"""
META = "name: torture\nrunner_type: python-script\nentry_point: torture.py\nparameters:\n  how: {type: string}\n  mark: {type: string}\n  size: {type: integer}\n"


@pytest.fixture(scope="module")
def squall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Squall]:
    directory = tmp_path_factory.mktemp("torture")
    packs = write_pack(directory / "packs", "bad", {"actions/torture.yaml": META, "actions/torture.py": PYTHON.replace("SLEEP_3", SLEEP + "3")})
    squall = Squall(directory, [packs])
    squall.start()
    assert squall.result("bad.torture", {"how": "large", "size": 1})["status"] == "succeeded"  # the fork server is warm now
    yield squall
    squall.stop()


def processes(argument: str) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if argument.encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def descendants(root: int) -> int:
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
    count = 0
    for pid in parents:
        while pid in parents and pid != root:
            pid = parents[pid]
        count += pid == root
    return count - 1


def local(squall: Squall, cmd: str, **more: Json) -> Json:
    return squall.finished(squall.run("core.local", {"cmd": cmd, **more}), 120)


def cancel(squall: Squall, running: str, is_gone: Callable[[], bool]) -> None:
    """The execution is canceled at once; what it has started is gone soon after."""
    squall.call("DELETE", f"/v1/executions/{running}")
    assert squall.finished(running, 20)["status"] == "canceled"
    squall.until("everything of it is gone", is_gone, GONE_WITHIN_S + SLACK_S)


def test_fork_bomb(squall: Squall) -> None:
    # Linear and with an end of its own, so that a broken bound breaks a test and not the machine.
    done = local(squall, f"for i in $(seq 6000); do sleep {SLEEP}1 & done; wait")
    assert done["status"] == "failed"
    assert "more than 1000 processes" in done["result"]["error"]
    squall.until("all of them are gone", lambda: not processes(SLEEP + "1"), 5)
    assert local(squall, "echo on")["result"]["stdout"] == "on"


def test_sigterm_ignored(squall: Squall, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    running = squall.run("core.local", {"cmd": f"trap '' TERM; echo $$ >{mark}; while :; do sleep 0.2; done"})
    pid = squall.until("it runs", lambda: mark.exists() and mark.read_text().strip())
    cancel(squall, running, lambda: not Path(f"/proc/{pid}").exists())


def test_sigterm_ignored_by_python(squall: Squall, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    running = squall.run("bad.torture", {"how": "deaf", "mark": str(mark)})
    pid = squall.until("it runs", lambda: mark.exists() and mark.read_text().strip())
    cancel(squall, running, lambda: not Path(f"/proc/{pid}").exists())


def test_sessions_of_their_own_end_with_a_timeout(squall: Squall) -> None:
    begin = time.monotonic()
    done = local(squall, f"trap '' TERM; setsid sh -c 'trap \"\" TERM; (setsid sleep {SLEEP}2 >/dev/null 2>&1 &) ; sleep {SLEEP}2' "
                         ">/dev/null 2>&1 & sleep 600", timeout=1)
    assert done["status"] == "timeout"
    assert done["result"]["error"] == "Action failed to complete in 1 seconds"
    assert time.monotonic() - begin < 1 + GONE_WITHIN_S + SLACK_S
    assert not processes(SLEEP + "2"), "when the execution has ended, so have they"


def test_daemons_of_python_end_with_a_cancel(squall: Squall, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    running = squall.run("bad.torture", {"how": "daemon", "mark": str(mark)})
    squall.until("it runs", lambda: mark.exists() and len(processes(SLEEP + "3")) == 2)
    cancel(squall, running, lambda: not processes(SLEEP + "3"))


def test_what_an_action_leaves_behind_when_it_ends_by_itself_lives_on(squall: Squall) -> None:
    done = local(squall, f"setsid sleep {SLEEP}4 >/dev/null 2>&1 & echo started")
    assert done["status"] == "succeeded" and done["result"]["stdout"] == "started"
    left = processes(SLEEP + "4")
    assert left
    for pid in left:
        os.kill(pid, 9)


def test_closed_output(squall: Squall) -> None:
    done = local(squall, "exec >&- 2>&-; sleep 0.2; exit 3")
    assert done["status"] == "failed" and done["result"]["return_code"] == 3 and done["result"]["stdout"] == ""
    assert squall.result("bad.torture", {"how": "closed"})["status"] == "failed"


def test_output_without_end_is_cut_and_marked(squall: Squall) -> None:
    done = local(squall, f"head -c {OUTPUT_MB}M /dev/zero | tr '\\0' x; echo over >&2", timeout=600)
    result = done["result"]
    assert done["status"] == "succeeded" and result["stderr"] == "over"
    assert len(result["stdout"]) == KEPT_BYTES and set(result["stdout"]) == {"x"}
    assert result["error"] == f"Output was cut after {KEPT_BYTES} bytes (kProcessOutputBytesMax)"


def test_large_result(squall: Squall) -> None:
    done = squall.result("bad.torture", {"how": "large", "size": 8 << 20})
    assert done["status"] == "succeeded" and len(done["result"]["result"]["text"]) == 8 << 20


def test_binary_output(squall: Squall) -> None:
    assert local(squall, "printf '\\377\\000\\001end'")["result"]["stdout"] == "\ufffd\x00\x01end"
    done = squall.result("bad.torture", {"how": "binary"})
    assert done["result"]["stdout"] == "\ufffd\x00\x01end" and done["result"]["result"] == "fine"


def test_end_by_a_signal(squall: Squall) -> None:
    done = local(squall, "kill -SEGV $$")
    assert done["status"] == "failed" and done["result"]["return_code"] == -11
    done = squall.result("bad.torture", {"how": "signaled"})
    assert done["status"] == "failed" and done["result"]["exit_code"] == -11
    assert squall.result("bad.torture", {"how": "gone"})["result"]["exit_code"] == 7


def test_nothing_is_left_behind(squall: Squall, tmp_path: Path) -> None:
    assert squall.process
    pid = squall.process.pid

    def state() -> tuple[int, int, list[str]]:
        files = sorted(str(path.relative_to(squall.data)) for path in squall.data.rglob("*") if not path.name.startswith("squall.db"))
        return descendants(pid), len(os.listdir(f"/proc/{pid}/fd")), files

    squall.result("bad.torture", {"how": "large", "size": 10})
    before = state()
    for number in range(3):
        mark = tmp_path / f"mark{number}"
        running = squall.run("bad.torture", {"how": "daemon", "mark": str(mark)})
        squall.until("it runs", mark.exists)
        cancel(squall, running, lambda: not processes(SLEEP + "3"))
        local(squall, f"setsid sleep {SLEEP}5 & sleep 600", timeout=1)
        squall.result("bad.torture", {"how": "signaled"})
        local(squall, "head -c 2M /dev/urandom")

    def is_back() -> bool:
        now = state()
        return now[0] <= before[0] and now[1] <= before[1] and now[2] == before[2]

    squall.until(f"processes, descriptors and files are as before {before[:2]}", is_back, 10, 0.2)
