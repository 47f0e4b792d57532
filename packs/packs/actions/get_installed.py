import subprocess

from pack_store import PackStore
from st2common.runners.base_action import Action


class GetInstalled(Action):
    def run(self, pack):
        store = PackStore()
        directory = store.directory_of(pack)
        if directory is None:
            return {"pack": None, "git_status": None}
        return {"pack": store.read_manifest(directory), "git_status": self.git_status(directory)}

    def git_status(self, directory):
        """None for a pack that is no git repository."""
        top = self.git(directory, "rev-parse", "--show-cdup")
        if top is None or top.strip():
            return None
        text = "Status:\n%s\n\nRemotes:\n%s" % (
            (self.git(directory, "status") or "").split("\n")[0],
            "\n".join(self.git(directory, "remote", "get-url", name).strip() for name in (self.git(directory, "remote") or "").split()),
        )
        upstream = (self.git(directory, "symbolic-ref", "-q", "--short", "refs/remotes/origin/HEAD") or "origin/master").strip()
        counts = (self.git(directory, "rev-list", "--left-right", "--count", "HEAD..." + upstream) or "0 0").split()
        parts = [text % int(count) for text, count in zip(("%d commits ahead", "%d commits behind"), counts) if count != "0"]
        if parts:
            text += "\n\n%s %s." % (" and ".join(parts), upstream)
        return text

    def git(self, directory, *arguments):
        try:
            done = subprocess.run(["git", "-C", directory, *arguments], capture_output=True, text=True, timeout=60, check=False)
        except OSError:
            return None
        return done.stdout if done.returncode == 0 else None
