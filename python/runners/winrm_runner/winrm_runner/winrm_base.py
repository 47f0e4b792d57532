"""Commands on Windows hosts, through WinRM (pywinrm)."""

import base64
import json
import time
import uuid

import winrm
from winrm.exceptions import WinRMOperationTimeoutError

from st2common.runners.base import ActionRunner, ShellRunnerMixin

HTTP_PORT = 5985
HTTPS_PORT = 5986
TIMEOUT_EXIT_CODE = -1
# cmd.exe takes no longer command lines.
COMMAND_LINE_MAX = 8191
UPLOAD_PIECE = 4000
# One call that waits for output ends after so many seconds, so that the timeout of the action is seen.
RECEIVE_SECONDS_MAX = 20

ESCAPES = {
    "\n": "`n", "\r": "`r", "\t": "`t", "\a": "`a", "\b": "`b", "\f": "`f", "\v": "`v", "\0": "`0",
    '"': '`"', "'": "`'", "`": "``", "$": "`$",
}


class WinRmBaseRunner(ShellRunnerMixin, ActionRunner):
    def __init__(self, runner_id):
        super().__init__(runner_id)
        self._shell = None

    def pre_run(self):
        super().pre_run()
        parameters = self.runner_parameters
        self._timeout = parameters.get("timeout", 60)
        port = parameters.get("port") or HTTPS_PORT
        scheme = "http" if port == HTTP_PORT else parameters.get("scheme") or "https"
        self._url = "%s://%s:%s/wsman" % (scheme, parameters["host"], port)
        self._env = parameters.get("env") or {}
        self._cwd = parameters.get("cwd")
        self._kwarg_op = parameters.get("kwarg_op", "-")

    def _session(self):
        parameters = self.runner_parameters
        wait = max(1, min(int(self._timeout or RECEIVE_SECONDS_MAX), RECEIVE_SECONDS_MAX))
        verify = parameters.get("verify_ssl_cert", True)
        return winrm.Session(
            self._url,
            auth=(parameters["username"], parameters["password"]),
            transport=parameters.get("transport") or "ntlm",
            server_cert_validation="validate" if verify else "ignore",
            operation_timeout_sec=wait,
            read_timeout_sec=wait + 1,
        )

    def run_command(self, command):
        return self._translate(self._run(self._session(), command))

    def run_powershell(self, script, arguments=""):
        session = self._session()
        text = "& {%s} %s" % (script, arguments) if arguments else script
        command = encoded(text)
        if len(command) <= COMMAND_LINE_MAX:
            answer = self._run(session, command)
        else:
            answer = self._run_uploaded(session, script, arguments)
        code, out, err, timed_out = answer
        return self._translate((code, out, clean_error(session, err), timed_out))

    def _run_uploaded(self, session, script, arguments):
        """A script that is too long for a command line: written to a file piece by piece, run, and removed."""
        name = '"$env:TEMP\\squall-%s.ps1"' % uuid.uuid4().hex
        data = base64.b64encode(b"\xef\xbb\xbf" + script.encode("utf-8")).decode("ascii")
        part = name[:-1] + '.b64"'
        try:
            for at in range(0, len(data), UPLOAD_PIECE):
                self._must_run(session, 'Add-Content -NoNewline -Path %s -Value "%s"' % (part, data[at : at + UPLOAD_PIECE]))
            self._must_run(session, "[IO.File]::WriteAllBytes(%s, [Convert]::FromBase64String((Get-Content -Raw -Path %s)))" % (name, part))
            return self._run(session, encoded("& %s %s" % (name, arguments)))
        finally:
            self._run(session, encoded("Remove-Item -Force -ErrorAction SilentlyContinue -Path %s, %s" % (name, part)))

    def _must_run(self, session, script):
        code, _, err, timed_out = self._run(session, encoded(script))
        if code != 0 or timed_out:
            raise RuntimeError("Failed sending the script to %s: %s" % (self._url, text_of(err).strip() or "exit code %s" % code))

    def _run(self, session, command):
        """(exit code, output, error output, whether the time was over)."""
        protocol = session.protocol
        shell = protocol.open_shell(env_vars=self._env or None, working_directory=self._cwd)
        try:
            command_id = protocol.run_command(shell, command)
            self._shell = (protocol, shell, command_id)
            try:
                return self._collect(protocol, shell, command_id)
            finally:
                self._shell = None
                protocol.cleanup_command(shell, command_id)  # ends it, when it still runs
        finally:
            protocol.close_shell(shell)

    def _collect(self, protocol, shell, command_id):
        out, err = [], []
        end = time.monotonic() + self._timeout if self._timeout else None
        while True:
            if end is not None and time.monotonic() > end:
                return TIMEOUT_EXIT_CODE, b"".join(out), b"".join(err), True
            try:
                receive = getattr(protocol, "get_command_output_raw", None) or protocol._raw_get_command_output
                more_out, more_err, code, done = receive(shell, command_id)
            except WinRMOperationTimeoutError:
                continue  # nothing was printed for a while
            out.append(more_out)
            err.append(more_err)
            if done:
                return code, b"".join(out), b"".join(err), False

    def _translate(self, answer):
        code, out, err, timed_out = answer
        succeeded = code == 0 and not timed_out
        result = {
            "failed": not succeeded,
            "succeeded": succeeded,
            "return_code": code,
            "stdout": value_of(text_of(out)),
            "stderr": value_of(text_of(err)),
        }
        return ("timeout" if timed_out else "succeeded" if succeeded else "failed"), result, None

    def powershell_arguments(self, positional, named):
        words = ["%s %s" % (name, powershell_value(value)) for name, value in (named or {}).items()]
        return " ".join(words + [powershell_value(value) for value in positional or []])


def encoded(script):
    return "powershell -encodedcommand %s" % base64.b64encode(script.encode("utf_16_le")).decode("ascii")


def clean_error(session, error):
    """PowerShell writes its errors as XML (CLIXML); pywinrm knows how to read that."""
    if not error:
        return error
    cleaned = session._clean_error_msg(error if isinstance(error, bytes) else error.encode("utf-8"))
    return cleaned


def text_of(data):
    return data.decode("utf-8", "replace") if isinstance(data, bytes) else data


def value_of(text):
    """Output that is one JSON document becomes that value."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def powershell_value(value):
    if value is None:
        return "$null"
    if isinstance(value, bool):
        return "$true" if value else "$false"
    if isinstance(value, str):
        return '"%s"' % "".join(ESCAPES.get(letter, letter) for letter in value)
    if isinstance(value, (list, tuple)):
        return "@(%s)" % ", ".join(powershell_value(item) for item in value)
    if isinstance(value, dict):
        return "@{%s}" % "; ".join("%s = %s" % (powershell_value(key), powershell_value(item)) for key, item in value.items())
    return str(value)
