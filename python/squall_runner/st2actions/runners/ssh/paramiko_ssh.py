"""Where ParamikoSSHClient lived before StackStorm 2.4."""

from st2common.runners.paramiko_ssh import ParamikoSSHClient

__all__ = ["ParamikoSSHClient"]
