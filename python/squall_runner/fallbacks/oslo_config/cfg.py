"""`cfg.CONF`: what packs of StackStorm read from its settings."""

import os
import types

__all__ = ["CONF"]


def _key_file():
    """StackStorm's own key if there is one, else the first that ssh would take."""
    home = os.path.expanduser("~/.ssh")
    files = ["/home/stanley/.ssh/stanley_rsa"] + [os.path.join(home, name) for name in ("id_ed25519", "id_ecdsa", "id_rsa")]
    return next((file for file in files if os.path.isfile(file)), files[-1])


class _Settings(types.SimpleNamespace):
    def __call__(self, *arguments, **options):
        """The real one reads its files here."""


CONF = _Settings(
    system_user=types.SimpleNamespace(user=os.environ.get("USER", "stanley"), ssh_key_file=_key_file()),
    system=types.SimpleNamespace(base_path="/opt/stackstorm"),
    content=types.SimpleNamespace(system_packs_base_path="/opt/stackstorm/packs", packs_base_paths=None),
)
