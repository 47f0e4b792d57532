"""A connection by SSH, on the package paramiko, which has to be installed."""

import io
import os

from st2common import log as logging

__all__ = ["ParamikoSSHClient"]


class ParamikoSSHClient:
    def __init__(
        self, hostname, port=22, username=None, password=None, bastion_host=None, key_files=None, key_material=None, timeout=60,
        passphrase=None, handle_stdout_line_func=None, handle_stderr_line_func=None,
    ):
        self.hostname, self.port, self.username, self.password = hostname, port, username, password
        self.bastion_host, self.key_files, self.key_material = bastion_host, key_files, key_material
        self.timeout, self.passphrase = timeout, passphrase
        self.logger = logging.getLogger(__name__)
        self.client = self.bastion_client = None

    def connect(self):
        channel = None
        if self.bastion_host:
            self.bastion_client = self._connect(self.bastion_host, None)
            channel = self.bastion_client.get_transport().open_channel("direct-tcpip", (self.hostname, self.port), ("", 0))
        self.client = self._connect(self.hostname, channel)
        return True

    def run(self, cmd, timeout=None, quote=False, call_line_handler_func=False):
        """[standard output, standard error, exit code]"""
        _, stdout, stderr = self.client.exec_command(cmd, timeout=timeout or self.timeout)
        output, error = stdout.read().decode("utf-8", "replace"), stderr.read().decode("utf-8", "replace")
        return [output, error, stdout.channel.recv_exit_status()]

    def put(self, local_path, remote_path, mode=None, mirror_local_mode=False):
        with self.client.open_sftp() as sftp:
            sftp.put(local_path, remote_path)
            if mode is not None or mirror_local_mode:
                sftp.chmod(remote_path, mode if mode is not None else os.stat(local_path).st_mode & 0o777)
        return remote_path

    def close(self):
        for client in (self.client, self.bastion_client):
            if client is not None:
                client.close()
        return True

    def _connect(self, host, channel):
        import paramiko

        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        options = {"hostname": host, "port": self.port, "username": self.username, "timeout": self.timeout}
        if self.password:
            options["password"] = self.password
        if self.key_material:
            options["pkey"] = self._key(paramiko)
        elif self.key_files:
            options.update(key_filename=self.key_files, passphrase=self.passphrase)
        options.update(allow_agent=not self.password, look_for_keys=not self.password, sock=channel)
        client.connect(**options)
        return client

    def _key(self, paramiko):
        for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
            try:
                return kind.from_private_key(io.StringIO(self.key_material), password=self.passphrase)
            except paramiko.SSHException:
                continue
        raise paramiko.SSHException("Invalid key or wrong passphrase")
