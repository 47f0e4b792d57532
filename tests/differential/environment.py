"""The Python that has the real engines: a virtual environment in the cache of the test servers, made on first use."""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cloud"))

import servers  # noqa: E402


def python():
    """The path of that Python. RuntimeError, with what pip said, when the packages cannot be had."""
    requirements = HERE / "requirements.txt"
    directory = servers.cache_root() / f"engines-py{sys.version_info.major}.{sys.version_info.minor}-{servers.digest_of(requirements)}"
    program = directory / "bin" / "python"
    mark = directory / ".complete"
    if mark.exists():
        return str(program)
    directory.parent.mkdir(parents=True, exist_ok=True)
    for command in ([sys.executable, "-m", "venv", "--clear", str(directory)],
                    [str(program), "-m", "pip", "install", "-q", "--no-input", "--disable-pip-version-check", "-r", str(requirements)]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command[1:4])} failed: {done.stderr.strip()[-500:]}")
    mark.touch()
    return str(program)
