"""An SSH server of its own on loopback, for tests: Debian's sshd as a normal process, with its own keys, users and configuration.

Users and passwords come from files of the test (nss_wrapper), so that nothing of the machine is changed. As root every user of these files
has the number of root; else there is only one, the user who runs the tests, and passwords cannot be tried.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from squall_server import free_port

SSHD = "/usr/sbin/sshd"
USER = "harbour"
PASSWORD = "tide-and-time-7"
PASSWORD_HASH_METHOD = "-6"
SUDO_PASSWORD = "anchor-9"
IS_ROOT = os.getuid() == 0

# Stands in for sudo on the host: asks for the password on standard input as sudo -S does, and then runs the command.
FAKE_SUDO = r"""#!/bin/bash
asks=no
while [ $# -gt 0 ]; do
  case $1 in
    -S) asks=yes ;;
    -E) ;;
    --) shift; break ;;
    *) echo "sudo: unexpected $1" >&2; exit 1 ;;
  esac
  shift
done
if [ -e NEEDS ]; then
  if [ $asks = no ]; then echo "sudo: a password is required" >&2; exit 1; fi
  tries=0
  while true; do
    printf '[sudo] password for USER: ' >&2
    IFS= read -r given
    [ "$given" = 'PASSWORD' ] && break
    tries=$((tries + 1))
    if [ $tries = 3 ]; then echo "sudo: 3 incorrect password attempts" >&2; exit 1; fi
    echo "Sorry, try again." >&2
  done
fi
SUDO_UID=1 exec "$@"
"""


def keygen(path: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    more = ["-b", "2048"] if kind == "rsa" else []
    subprocess.run(["ssh-keygen", "-q", "-t", kind, *more, "-N", passphrase, "-f", str(path)], check=True)
    return path


class SshHost:
    def __init__(self, directory: Path, address: str = "127.0.0.1") -> None:
        self.directory = directory
        self.address = address
        self.port = free_port()
        self.user = USER if IS_ROOT else getpass.getuser()
        self.home = directory / "home"
        self.sudo_needs_password = directory / "sudo-needs-password"
        self.process: subprocess.Popen[bytes] | None = None
        self.home.mkdir(parents=True)
        directory.chmod(0o755)
        self.host_key = keygen(directory / "host_key")
        self.authorized = directory / "authorized_keys"
        self.authorized.touch()
        programs = directory / "bin"
        programs.mkdir()
        sudo = programs / "sudo"
        sudo.write_text(FAKE_SUDO.replace("NEEDS", str(self.sudo_needs_password)).replace("USER", self.user).replace("PASSWORD", SUDO_PASSWORD))
        sudo.chmod(0o755)
        self.config = directory / "sshd_config"
        self.config.write_text(f"""
ListenAddress {address}:{self.port}
HostKey {self.host_key}
AuthorizedKeysFile {self.authorized}
PidFile {directory}/pid
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
MaxStartups 100
MaxSessions 100
UseDNS no
SetEnv PATH={programs}:/usr/local/bin:/usr/bin:/bin
Subsystem sftp internal-sftp
LogLevel VERBOSE
""")
        self.env = dict(os.environ)
        if IS_ROOT:
            self._invent_users()
            Path("/run/sshd").mkdir(exist_ok=True)

    def _invent_users(self) -> None:
        library = next(Path("/usr/lib").glob("*/libnss_wrapper.so"))
        real = Path("/etc/passwd").read_text()
        shell = shutil.which("bash")
        hashed = subprocess.run(["openssl", "passwd", PASSWORD_HASH_METHOD, PASSWORD], capture_output=True, text=True, check=True).stdout.strip()
        (self.directory / "passwd").write_text(f"{USER}:x:0:0:test:{self.home}:{shell}\n{real}")
        (self.directory / "shadow").write_text(f"{USER}:{hashed}:19000:0:99999:7:::\n")
        (self.directory / "group").write_text(Path("/etc/group").read_text())
        self.env |= {"LD_PRELOAD": str(library), "NSS_WRAPPER_PASSWD": str(self.directory / "passwd"),
                     "NSS_WRAPPER_SHADOW": str(self.directory / "shadow"), "NSS_WRAPPER_GROUP": str(self.directory / "group")}

    def allow(self, key: Path) -> None:
        with self.authorized.open("a") as file:
            file.write(key.with_name(key.name + ".pub").read_text())

    def start(self) -> SshHost:
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(self.config)], env=self.env, stdout=log, stderr=log)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex((self.address, self.port)) == 0:
                    return self
            assert self.process.poll() is None, self.log()
            time.sleep(0.02)
        raise AssertionError("sshd does not listen:\n" + self.log())

    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(10)

    def __enter__(self) -> SshHost:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
