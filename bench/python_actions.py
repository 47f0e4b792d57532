#!/usr/bin/env python3
"""Python actions: what starting them costs beside bare Python, how full the slots are, large results, memory of the fork server, and what
actions that misbehave do to the engine's latency. All ratios are taken in one run, in turns.

    python3 bench/python_actions.py          # BENCH_ACTIONS=10000 is the full run of the slots
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from run import ROOT, Server, line, percentile

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "40"))
ACTIONS = int(os.environ.get("BENCH_ACTIONS", "2000"))
SLOTS = 100
TASKS = 40
SLEEP_S = 0.1
LARGE_BYTES = 8 << 20
RUNTIME = ROOT / "python" / "squall_runner"
FIBONACCI = "def fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\n"

ACTION = "from st2common.runners.base_action import Action\n{more}\n\nclass {name}(Action):\n    def run(self, **given):\n        {body}\n"
FILES = {
    "nothing": ("", "return None"),
    "fibonacci": (FIBONACCI, "return fib(10)"),
    "sleep": ("import time", f"time.sleep({SLEEP_S})"),
    "large": ("", f'return {{"text": "x" * {LARGE_BYTES}}}'),
    "modules": ("import sys", "return sorted(sys.modules)"),
}
WORKFLOW = "version: 1.0\ntasks:\n" + "".join(
    f"  t{n}:\n    action: bench.fibonacci\n" + (f"    next:\n      - when: <% succeeded() %>\n        do: t{n + 1}\n" if n < TASKS - 1 else "")
    for n in range(TASKS))
MANY = """version: 1.0
tasks:
  all:
    with:
      items: <% range({count}) %>
      concurrency: {slots}
    action: {action}
"""


class Actions(Server):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        folder = directory / "packs" / "bench" / "actions"
        (folder / "workflows").mkdir(parents=True)
        for name, (more, body) in FILES.items():
            (folder / f"{name}.py").write_text(ACTION.format(name=name.title(), more=more, body=body))
            (folder / f"{name}.yaml").write_text(f"name: {name}\nrunner_type: python-script\nentry_point: {name}.py\n")
        for name, action in (("many_shell", f"core.local cmd=\"exec sleep {SLEEP_S}\""), ("many_python", "bench.sleep")):
            (folder / f"{name}.yaml").write_text(f"name: {name}\nrunner_type: orquesta\nentry_point: workflows/{name}.yaml\n")
            (folder / "workflows" / f"{name}.yaml").write_text(MANY.format(count=ACTIONS, slots=SLOTS, action=action))
        (folder / "forty.yaml").write_text("name: forty\nrunner_type: orquesta\nentry_point: workflows/forty.yaml\n")
        (folder / "workflows" / "forty.yaml").write_text(WORKFLOW)
        os.environ["SQUALL_ACTION_SLOTS"] = str(SLOTS)

    def post(self, action: str, parameters: dict[str, object] | None = None) -> str:
        return self.call("POST", "/v1/executions", {"action": action, "parameters": parameters or {}})["id"]

    def finish(self, execution: str) -> str:
        while True:
            status = self.call("GET", f"/v1/executions/{execution}?include_attributes=status")["status"]
            if status in ("succeeded", "failed", "timeout", "canceled", "abandoned"):
                return status

    def seconds(self, action: str, parameters: dict[str, object] | None = None) -> float:
        """From the request to the end of the execution, durable and visible."""
        begin = time.perf_counter()
        status = self.finish(self.post(action, parameters))
        if status != "succeeded":
            sys.exit(f"{action}: {status}")
        return time.perf_counter() - begin


def seconds(command: list[str], text: str = "", env: dict[str, str] | None = None) -> float:
    begin = time.perf_counter()
    subprocess.run(command, input=text.encode(), stdout=subprocess.DEVNULL, env=env, check=True)
    return time.perf_counter() - begin


def warm(server: Actions) -> bool:
    bare, noop, python = [], [], []
    for _ in range(ROUNDS):
        bare.append(seconds(["python3", "-c", "pass"]))
        noop.append(server.seconds("core.noop"))
        python.append(server.seconds("bench.nothing"))
    start = statistics.median(python) - statistics.median(noop)
    base = statistics.median(bare)
    return line("warm start of a Python action (at most 0.25 x)",
                f"{1000 * start:.1f} ms more than core.noop = {start / base:.2f} x `python3 -c pass` ({1000 * base:.1f} ms); "
                f"whole execution {1000 * statistics.median(python):.1f} ms", start <= 0.25 * base)


def cold(server: Actions) -> bool:
    """What runs where there is no fork server, beside bare Python that imports the same modules of the standard library."""
    request = {"pack": "bench", "file_path": str(server.directory / "packs/bench/actions/nothing.py"), "user": "stanley", "config": {},
               "parameters": {}, "log_level": "DEBUG"}
    execution = server.post("bench.modules")
    server.finish(execution)
    modules = server.call("GET", f"/v1/executions/{execution}")["result"]["result"]
    env = {**os.environ, "PYTHONPATH": str(RUNTIME)}
    command = ["python3", "-u", str(RUNTIME / "run_action.py")]
    used = subprocess.run(command, input=json.dumps({**request, "file_path": request["file_path"].replace("nothing", "modules")}).encode(),
                          stdout=subprocess.PIPE, env=env, check=True).stdout.decode().split("%%%%%~=~=~=************=~=~=~%%%%")[1]
    modules = json.loads(used)["result"]
    standard = [name for name in modules if name.partition(".")[0] in sys.stdlib_module_names and name != "__main__"]
    bare_command = ["python3", "-c", "import " + ", ".join(standard)]
    ratios, bare, mine = [], [], []
    for _ in range(ROUNDS):
        bare.append(seconds(bare_command))
        mine.append(seconds(command, json.dumps(request), env))
        ratios.append(mine[-1] / bare[-1])
    ratio = statistics.median(ratios)
    return line("cold start of a Python action (at most 1.3 x)",
                f"{1000 * statistics.median(mine):.1f} ms = {ratio:.2f} x bare Python with the same imports ({1000 * statistics.median(bare):.1f} ms)",
                ratio <= 1.3)


def forty(server: Actions) -> bool:
    script = FIBONACCI + "fib(10)"
    server.seconds("bench.forty")
    bare, mine = [], []
    for _ in range(5):
        bare.append(statistics.median(seconds(["python3", "-c", script]) for _ in range(5)))
        mine.append(server.seconds("bench.forty"))
    limit = 0.8 * statistics.median(bare) / 0.020
    return line(f"{TASKS} light Python tasks in sequence (0.8 s at 20 ms)",
                f"{statistics.median(mine):.2f} s where bare Python takes {1000 * statistics.median(bare):.1f} ms: limit {limit:.2f} s",
                statistics.median(mine) <= limit)


def slots(server: Actions, workflow: str, what: str, goal: float) -> bool:
    took = server.seconds(workflow)
    ideal = ACTIONS * SLEEP_S / SLOTS
    return line(f"{ACTIONS} x {what} of {SLEEP_S} s on {SLOTS} slots (at least {goal:.0%})",
                f"{took:.2f} s, ideal {ideal:.2f} s: {ideal / took:.0%}; {os.cpu_count()} cores", ideal / took >= goal)


def large(server: Actions) -> bool:
    target = server.directory / "large.json"
    script = (f"import json, os\nwith open({str(target)!r}, 'w') as f:\n    json.dump({{'text': 'x' * {LARGE_BYTES}}}, f)\n"
              "    f.flush()\n    os.fsync(f.fileno())\n")
    server.seconds("bench.large")
    bare, mine = [], []
    for _ in range(10):
        bare.append(seconds(["python3", "-c", script]))
        mine.append(server.seconds("bench.large"))
    ratio = statistics.median(mine) / statistics.median(bare)
    return line("8 MB result (at most 3 x writing a file and fsync)",
                f"{1000 * statistics.median(mine):.0f} ms = {ratio:.2f} x ({1000 * statistics.median(bare):.0f} ms)", ratio <= 3)


def memory(server: Actions) -> bool:
    assert server.process
    children = Path(f"/proc/{server.process.pid}/task").glob("*/children")
    pids = [pid for child in children for pid in child.read_text().split() if "zygote.py" in Path(f"/proc/{pid}/cmdline").read_text()]
    own = []
    for pid in pids:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        own.append(sum(int(row.split()[1]) for row in text.splitlines() if row.startswith(("Private_Clean:", "Private_Dirty:"))) / 1024)
    return line("idle fork server (at most 15 MB of its own)", ", ".join(f"{size:.1f} MB" for size in own) or "none runs",
                bool(own) and max(own) <= 15)


def torture(server: Actions) -> bool:
    """Latency of events to finished native actions while another action prints without end, and while it is quiet, in turns."""
    quiet, loud = [], []
    number = 0
    for _ in range(4):
        for _ in range(25):
            quiet.append(server.event(number := number + 1))
        running = server.post("core.local", {"cmd": "exec timeout 60 yes", "timeout": 60})
        time.sleep(1.5)  # what is kept is full by then
        for _ in range(25):
            loud.append(server.event(number := number + 1))
        server.call("DELETE", f"/v1/executions/{running}")
        server.finish(running)
    ratio = statistics.median(loud) / statistics.median(quiet)
    return line("latency beside an action that prints for ever (at most 1.2 x)",
                f"p50 {1000 * statistics.median(loud):.2f} ms = {ratio:.2f} x ({1000 * statistics.median(quiet):.2f} ms); "
                f"p99 {percentile(loud, .99) / percentile(quiet, .99):.2f} x", ratio <= 1.2)


def main() -> int:
    print(f"load average {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores")
    directory = Path(tempfile.mkdtemp(prefix="bench-", dir=Path(os.environ.get("BENCH_DIR", ROOT / "build"))))
    server = Actions(directory)
    results = []
    try:
        server.start()
        server.seconds("bench.nothing")
        results = [warm(server), cold(server), forty(server), large(server), memory(server),
                   slots(server, "bench.many_shell", "shell sleep", 0.95), slots(server, "bench.many_python", "Python sleep", 0.9),
                   torture(server)]
        server.stop()
    finally:
        if server.process and server.process.poll() is None:
            server.process.kill()
        shutil.rmtree(directory, ignore_errors=True)
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
