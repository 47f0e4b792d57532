"""Fetches a pack from wherever it is: the index, a git repository, an archive, a directory."""

import os
import re
import shutil
import ssl
import subprocess
import tarfile
import urllib.parse
import urllib.request
import zipfile

from pack_store import split_version
from squall_runtime.rest import ApiError

ARCHIVES = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar", ".zip")
DOWNLOAD_SECONDS = 300
GIT_SECONDS = 600


def fetch(spec, directory, store, verify=True, submodules=False, log=print):
    """Makes `directory`, with the pack in it. `spec`: see the parameter `packs` of packs.install."""
    path, version = _local_path(spec)
    if path is not None and os.path.isdir(path) and (version or _is_repository(path)) and not _is_plain(path, version):
        return clone("file://" + os.path.abspath(path), version, directory, verify, submodules, log)
    if path is not None and os.path.isdir(path):
        return copy(path, directory, log)
    if path is not None:
        return unpack(path, directory, log)
    source, version = split_version(spec)
    if re.match(r"^https?://", source) and urllib.parse.urlsplit(source).path.endswith(ARCHIVES):
        return download(source, directory, verify, log)
    if re.match(r"^https?://", spec) and urllib.parse.urlsplit(spec).path.endswith(ARCHIVES):
        return download(spec, directory, verify, log)
    if "/" not in source and ":" not in source:
        source = _in_index(source, store)
        if urllib.parse.urlsplit(source).path.endswith(ARCHIVES):
            return download(source, directory, verify, log)
    elif re.match(r"^[\w.-]+/[\w.-]+$", source):
        source = "https://github.com/" + source
    clone(source, version, directory, verify, submodules, log)


def _local_path(spec):
    """(path, version) of what is on this machine, else (None, None)."""
    is_file_url = spec.startswith("file://")
    if not is_file_url and not spec.startswith(("/", "./", "../", "~")):
        return None, None
    text = spec[len("file://"):] if is_file_url else spec
    for path, version in ((text, None), split_version(text)):
        path = os.path.expanduser(path)
        if os.path.exists(path):
            return path, version
    raise ValueError("%s does not exist on the machine of squall" % split_version(text)[0])


def _is_repository(path):
    return os.path.exists(os.path.join(path, ".git")) or path.rstrip("/").endswith(".git")


def _is_plain(path, version):
    """A working copy is taken as it stands, with what is not committed yet, unless a version is asked for."""
    return version is None and os.path.isfile(os.path.join(path, "pack.yaml"))


def _in_index(name, store):
    try:
        pack = store.client.call("POST", "/packs/index/search", body={"pack": name})
    except ApiError as error:
        raise ValueError('The index cannot be asked for the pack "%s": %s' % (name, error)) from None
    if not pack:
        raise ValueError('No record of the "%s" pack in the index.' % name)
    return pack["repo_url"]


def copy(path, directory, log):
    if not os.path.isfile(os.path.join(path, "pack.yaml")):
        raise ValueError("%s is no pack: it has no pack.yaml" % path)
    log("Copying %s", path)
    shutil.copytree(path, directory, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))


def download(url, directory, verify, log):
    log("Downloading %s", url)
    context = ssl.create_default_context() if verify else ssl._create_unverified_context()
    file = directory + "-" + os.path.basename(urllib.parse.urlsplit(url).path)
    with urllib.request.urlopen(url, timeout=DOWNLOAD_SECONDS, context=context) as answer, open(file, "wb") as to:
        shutil.copyfileobj(answer, to)
    unpack(file, directory, log)


def unpack(file, directory, log):
    log("Unpacking %s", os.path.basename(file))
    inside = directory + "-unpacked"
    os.makedirs(inside)
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                _check_inside(member.filename, file)
                archive.extract(member, inside)
                if member.external_attr >> 16 & 0o111:
                    os.chmod(os.path.join(inside, member.filename), 0o755)
    elif tarfile.is_tarfile(file):
        with tarfile.open(file) as archive:
            for member in archive.getmembers():
                _check_member(member, file)
            archive.extractall(inside)
    else:
        raise ValueError("%s is neither a directory nor an archive (%s)" % (file, ", ".join(ARCHIVES)))
    # Archives that code hosts make have one directory in which everything is.
    root = inside
    while not os.path.isfile(os.path.join(root, "pack.yaml")):
        names = [name for name in os.listdir(root) if os.path.isdir(os.path.join(root, name))]
        if len(names) != 1:
            raise ValueError("%s has no pack.yaml, neither at its top nor in its one directory" % os.path.basename(file))
        root = os.path.join(root, names[0])
    os.rename(root, directory)


def _check_inside(name, file):
    parts = name.replace("\\", "/").split("/")
    if os.path.isabs(name) or ".." in parts:
        raise ValueError("%s would write outside of the pack: %s" % (os.path.basename(file), name))


def _check_member(member, file):
    _check_inside(member.name, file)
    if member.issym() or member.islnk():
        base = os.path.dirname(member.name) if member.issym() else ""
        target = os.path.normpath(os.path.join(base, member.linkname))
        if os.path.isabs(member.linkname) or target.startswith(".."):
            raise ValueError("%s has a link that leads out of the pack: %s" % (os.path.basename(file), member.name))
    elif not (member.isfile() or member.isdir()):
        raise ValueError("%s has something that is no file: %s" % (os.path.basename(file), member.name))


def clone(url, version, directory, verify, submodules, log):
    log("Cloning %s", url)
    environment = dict(os.environ, GIT_TERMINAL_PROMPT="0", GIT_ASKPASS="/bin/echo")
    if not verify:
        environment["GIT_SSL_NO_VERIFY"] = "true"

    def git(*arguments, inside=True, may_fail=False):
        command = ["git"] + (["-C", directory] if inside else []) + list(arguments)
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=GIT_SECONDS, check=False)
        except FileNotFoundError:
            raise ValueError("git is not installed on the machine of squall; install it to get packs from repositories") from None
        if done.returncode == 0:
            return done.stdout.strip()
        if may_fail:
            return None
        last = [line for line in done.stderr.splitlines() if line.strip()][-1:] or ["exit code %d" % done.returncode]
        raise ValueError("git %s of %s failed: %s" % (arguments[0], url, last[0]))

    # "--" and full names: neither a URL nor a version is ever taken for an option.
    git("-c", "safe.directory=*", "clone", "--quiet", "--", url, directory, inside=False)
    if version:
        for candidate in ("refs/remotes/origin/" + version, "refs/tags/" + version, "refs/tags/v" + version):
            if git("rev-parse", "--verify", "--quiet", candidate + "^{commit}", may_fail=True):
                break
        else:
            candidate = version if re.match(r"^[0-9a-fA-F]{4,40}$", version) else None
            if candidate is None or git("rev-parse", "--verify", "--quiet", candidate + "^{commit}", may_fail=True) is None:
                tags = sorted(re.sub(r"^v(?=\d)", "", tag) for tag in (git("tag") or "").split())
                known = " Available versions are: %s." % ", ".join(tags) if tags else ""
                raise ValueError('"%s" is not a valid version, hash, tag or branch in %s.%s' % (version, url, known))
        if candidate.startswith("refs/remotes/"):
            git("checkout", "--quiet", "-B", version, candidate)
        else:
            git("checkout", "--quiet", "--detach", candidate)
    if submodules:
        git("submodule", "update", "--quiet", "--init", "--recursive")
    if not os.path.isfile(os.path.join(directory, "pack.yaml")):
        raise ValueError("%s is no pack: it has no pack.yaml%s" % (url, " at " + version if version else ""))
