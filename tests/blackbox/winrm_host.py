"""A small Windows Remote Management server (WS-Management over HTTP, basic authentication) for tests.

Commands of cmd.exe are run by a local shell, with the environment and directory of the request. Scripts of PowerShell are kept and answered by
what the test has put into `answers`: a function from the script to (exit code, output, error output).
"""

from __future__ import annotations

import base64
import contextlib
import re
import subprocess
import tempfile
import threading
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USER, PASSWORD = "administrator", "w1ndow-seat"
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
TIMEOUT_FAULT = "2150858793"
ENVELOPE = ('<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
            f'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns:rsp="{SHELL}">'
            "<s:Header><a:RelatesTo>{message}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>")

Answer = tuple[int, str, str]


class Shell:
    def __init__(self, env: dict[str, str], directory: str | None) -> None:
        self.env = env
        self.directory = directory
        self.commands: list[Command] = []


class Command:
    """One that runs, or one that has been answered already."""

    def __init__(self, process: subprocess.Popen[bytes] | None, answer: Answer | None) -> None:
        self.process = process
        self.answer = answer
        self.signaled = False

    def receive(self, wait: float) -> tuple[int | None, bytes, bytes]:
        if self.process is None:
            assert self.answer is not None
            code, out, err = self.answer
            return code, out.encode(), err.encode()
        try:
            out, err = self.process.communicate(timeout=wait)
        except subprocess.TimeoutExpired:
            return None, b"", b""
        return self.process.returncode, out, err

    def end(self) -> None:
        self.signaled = True
        if self.process is not None and self.process.poll() is None:
            self.process.kill()


class WinRmHost:
    def __init__(self) -> None:
        self.shells: dict[str, Shell] = {}
        self.commands: dict[str, Command] = {}
        self.scripts: list[str] = []
        self.answers: Callable[[str], Answer] = lambda script: (0, "", "")
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:  # noqa: N802
                request = self.rfile.read(int(self.headers["Content-Length"]))
                wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
                if self.headers.get("Authorization") != wanted:
                    self._send(401, b"", {"WWW-Authenticate": 'Basic realm="WSMAN"'})
                    return
                status, body = host.answer(ET.fromstring(request))
                self._send(status, body.encode(), {"Content-Type": "application/soap+xml;charset=UTF-8"})

            def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(BrokenPipeError):  # a canceled action does not wait
                    self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        for command in self.commands.values():
            command.end()
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request: ET.Element) -> tuple[int, str]:
        def text(name: str) -> str:
            return next((node.text or "" for node in request.iter() if node.tag.endswith("}" + name)), "")

        def reply(body: str) -> tuple[int, str]:
            return 200, ENVELOPE.format(message=text("MessageID"), body=body)

        action = text("Action").rsplit("/", 1)[-1]
        shell_id = next((node.text or "" for node in request.iter() if node.get("Name") == "ShellId"), "")
        command_id = next((node.get("CommandId", "") for node in request.iter() if node.get("CommandId")), "")
        if action == "Create":
            variables = {node.get("Name", ""): node.text or "" for node in request.iter() if node.tag.endswith("}Variable")}
            shell_id = str(uuid.uuid4()).upper()
            self.shells[shell_id] = Shell(variables, text("WorkingDirectory") or None)
            return reply(f'<w:SelectorSet><w:Selector Name="ShellId">{shell_id}</w:Selector></w:SelectorSet>')
        if action == "Command":
            command_id = str(uuid.uuid4()).upper()
            self.commands[command_id] = self._start(self.shells[shell_id], text("Command"))
            self.shells[shell_id].commands.append(self.commands[command_id])
            return reply(f"<rsp:CommandResponse><rsp:CommandId>{command_id}</rsp:CommandId></rsp:CommandResponse>")
        if action == "Receive":
            wait = re.search(r"PT(\d+)S", text("OperationTimeout"))
            code, out, err = self.commands[command_id].receive(float(wait.group(1)) if wait else 20)
            if code is None:
                fault = (f'<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:TimedOut</s:Value></s:Subcode></s:Code>'
                         f'<s:Reason><s:Text>no output</s:Text></s:Reason><s:Detail><f:WSManFault '
                         f'xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="{TIMEOUT_FAULT}"/></s:Detail></s:Fault>')
                return 500, ENVELOPE.format(message=text("MessageID"), body=fault)
            streams = "".join(f'<rsp:Stream Name="{name}" CommandId="{command_id}">{base64.b64encode(data).decode()}</rsp:Stream>'
                              for name, data in (("stdout", out), ("stderr", err)))
            return reply(f'<rsp:ReceiveResponse>{streams}<rsp:CommandState CommandId="{command_id}" State="{SHELL}/CommandState/Done">'
                         f"<rsp:ExitCode>{code}</rsp:ExitCode></rsp:CommandState></rsp:ReceiveResponse>")
        if action == "Signal":
            self.commands[command_id].end()
            return reply("<rsp:SignalResponse/>")
        if action == "Delete":
            for command in self.shells.pop(shell_id).commands:
                command.end()
            return reply("")
        raise AssertionError(f"unexpected action {action}")

    def _start(self, shell: Shell, line: str) -> Command:
        encoded = re.fullmatch(r"powershell -encodedcommand (\S+)", line)
        if encoded:
            script = base64.b64decode(encoded.group(1)).decode("utf_16_le")
            self.scripts.append(script)
            return Command(None, self.answers(script))
        process = subprocess.Popen(["/bin/sh", "-c", "exec " + line if line.startswith("sleep") else line], env={"PATH": "/usr/bin:/bin", **shell.env},
                                   cwd=shell.directory or tempfile.gettempdir(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return Command(process, None)
