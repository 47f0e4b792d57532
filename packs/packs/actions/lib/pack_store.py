"""Where packs are kept, and what is in them."""

import contextlib
import os
import re
import shutil
import sys
import tempfile

from squall_runtime.rest import ApiError, RestClient
from st2common import __version__ as STACKSTORM_VERSION


def split_version(spec):
    """("source", version or None) of "source=version". A "=" in the query of a URL is none of ours."""
    source, separator, version = spec.rpartition("=")
    if not separator or "/" in version and "?" in source:
        return spec, None
    return source, version or None


def name_of_repository(source):
    """ "https://example.com/team/stackstorm-x.git" is "stackstorm-x"."""
    name = source.rstrip("/").split("/")[-1].split(":")[-1]
    return name[:-4] if name.endswith(".git") else name


class PackStore:
    def __init__(self, client=None):
        self.client = client or RestClient()
        where = self.client.call("GET", "/squall/pack_directories")
        self.install_directory = where["install"]
        self.directories = where["directories"]
        self.shipped = where["shipped"]

    def read_manifest(self, directory):
        """The content of a pack.yaml; "ref" is always in it."""
        return self.client.call("POST", "/squall/pack_manifest", body={"path": os.path.abspath(directory)})

    def directory_of(self, ref):
        """Of the pack with this ref, wherever it is; None when there is none. As a rule it is called like its ref."""
        if not re.match(r"^[A-Za-z0-9_-]+$", ref):
            return None
        for base in self.directories + [self.shipped]:
            if self._is_called(os.path.join(base, ref), ref):
                return os.path.join(base, ref)
        for base in self.directories:
            names = sorted(os.listdir(base)) if os.path.isdir(base) else []
            for directory in [base] + [os.path.join(base, name) for name in names]:
                if self._is_called(directory, ref):
                    return directory
        return None

    def _is_called(self, directory, ref):
        if not os.path.isfile(os.path.join(directory, "pack.yaml")):
            return False
        try:
            return self.read_manifest(directory)["ref"] == ref
        except ApiError:
            return False

    def manifest_of(self, ref):
        directory = self.directory_of(ref)
        return self.read_manifest(directory) if directory else None

    @contextlib.contextmanager
    def staging(self):
        """A directory beside the packs, so that a pack gets to its place in one step. Nobody takes it for a pack."""
        os.makedirs(self.install_directory, exist_ok=True)
        directory = tempfile.mkdtemp(prefix=".incoming-", dir=self.install_directory)
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def put(self, directory, ref, staging):
        """Takes the place of what was there. The config of an old pack stays."""
        target = os.path.join(self.install_directory, ref)
        os.chmod(directory, 0o755)
        if os.path.lexists(target):
            old_config = os.path.join(target, "config.yaml")
            if os.path.isfile(old_config):
                shutil.copy2(old_config, os.path.join(directory, "config.yaml"))
            os.rename(target, os.path.join(staging, "before"))
        os.rename(directory, target)


def check_versions(manifest):
    """ValueError when the pack asks for another StackStorm, or for Python 3 to be absent."""
    wanted = manifest.get("stackstorm_version")
    if wanted and not version_fits(STACKSTORM_VERSION, str(wanted)):
        raise ValueError(
            'Pack "%s" requires StackStorm "%s", but current version is "%s". You can override this restriction by '
            'providing the "force" flag, but the pack is not guaranteed to work.' % (manifest.get("name"), wanted, STACKSTORM_VERSION)
        )
    versions = {str(version).split(".")[0] for version in manifest.get("python_versions") or []}
    if versions and not versions & {"2", str(sys.version_info.major)}:
        raise ValueError(
            'Pack "%s" requires Python %s, but current Python version is "%d.%d". You can override this restriction by providing '
            'the "force" flag, but the pack is not guaranteed to work.'
            % (manifest.get("name"), ", ".join(sorted(versions)), sys.version_info.major, sys.version_info.minor)
        )


def version_fits(version, conditions):
    """Do all conditions of ">=3.0.0, <4.0.0" hold? A development version counts as the one that it will be."""
    have = _numbers(version)
    for condition in conditions.split(","):
        match = re.match(r"^\s*(>=|<=|==|!=|>|<|=)?\s*v?([0-9][^\s]*)\s*$", condition)
        if not match:
            raise ValueError('"%s" is no condition on a version, such as ">=3.0.0, <4.0.0"' % conditions)
        operator, want = match.group(1) or "==", _numbers(match.group(2))
        holds = {">=": have >= want, "<=": have <= want, "==": have == want, "=": have == want, "!=": have != want, ">": have > want, "<": have < want}
        if not holds[operator]:
            return False
    return True


def _numbers(version):
    numbers = [int(number) for number in re.findall(r"\d+", re.split(r"[-+]", version)[0])[:3]]
    return tuple(numbers + [0] * (3 - len(numbers)))
