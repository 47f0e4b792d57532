"""A command of cmd.exe on a Windows host."""

import uuid

from winrm_runner.winrm_base import WinRmBaseRunner


class WinRmCommandRunner(WinRmBaseRunner):
    def run(self, action_parameters):
        return self.run_command(self.runner_parameters["cmd"])


def get_runner():
    return WinRmCommandRunner(str(uuid.uuid4()))
