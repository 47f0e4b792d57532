"""A script of the pack in PowerShell, on a Windows host."""

import uuid

from winrm_runner.winrm_base import WinRmBaseRunner


class WinRmPsScriptRunner(WinRmBaseRunner):
    def run(self, action_parameters):
        if not self.entry_point:
            raise ValueError("Missing entry_point action metadata attribute")
        with open(self.entry_point, encoding="utf-8") as file:
            script = file.read()
        positional, named = self._get_script_args(action_parameters)
        return self.run_powershell(script, self.powershell_arguments(positional, self._transform_named_args(named)))


def get_runner():
    return WinRmPsScriptRunner(str(uuid.uuid4()))
