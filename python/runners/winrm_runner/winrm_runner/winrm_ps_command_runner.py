"""A command of PowerShell on a Windows host."""

import uuid

from winrm_runner.winrm_base import WinRmBaseRunner


class WinRmPsCommandRunner(WinRmBaseRunner):
    def run(self, action_parameters):
        return self.run_powershell(self.runner_parameters["cmd"])


def get_runner():
    return WinRmPsCommandRunner(str(uuid.uuid4()))
