"""Packs are found, installed, configured, tested and removed: by squall's command line, the unmodified `st2` client and the API."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from squall_server import Squall, write_pack
from st2_client import Client, client_program

Json = Any

NOOP = "name: {0}\nrunner_type: noop\n"
GREET = "from st2common.runners.base_action import Action\n\n\nclass Greet(Action):\n    def run(self):\n        import squallgreeting\n        return squallgreeting.TEXT\n"
GIT = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a",
       "GIT_COMMITTER_EMAIL": "a@example.com"}


def git(directory: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=directory, env=os.environ | GIT, check=True, capture_output=True, text=True).stdout.strip()


def set_version(pack: Path, version: str, more: str = "") -> None:
    (pack / "pack.yaml").write_text(f"ref: {pack.name}\nname: {pack.name}\ndescription: d\nversion: {version}\nauthor: a\nemail: a@example.com\n{more}")


def make_repository(folder: Path, name: str, more: str = "") -> Path:
    """Versions 0.1.0 (tag v0.1.0) and 0.2.0 (tag 0.2.0), a branch "next" with 0.3.0, and on the main branch 0.2.1."""
    pack = write_pack(folder, name, {"actions/one.yaml": NOOP.format("one")}) / name
    git(pack, "init", "-q", "-b", "main")
    for version, tag in (("0.1.0", "v0.1.0"), ("0.2.0", "0.2.0"), ("0.3.0", None), ("0.2.1", None)):
        if version == "0.3.0":
            git(pack, "checkout", "-q", "-b", "next")
        if version == "0.2.1":
            git(pack, "checkout", "-q", "main")
        set_version(pack, version, more)
        git(pack, "add", "-A")
        git(pack, "commit", "-q", "-m", version)
        if tag:
            git(pack, "tag", tag)
    return pack


def version_of(squall: Squall, pack: str) -> str | None:
    status, document = squall.call("GET", f"/v1/packs/{pack}")
    return document["version"] if status == 200 else None


def install(squall: Squall, packs: list[str], **more: Json) -> Json:
    status, answer = squall.call("POST", "/v1/packs/install", {"packs": packs, **more})
    assert status == 202, answer
    return squall.finished(answer["execution_id"], 90)


def make_wheel(folder: Path) -> Path:
    path = folder / "squallgreeting-1.0-py3-none-any.whl"
    info = "squallgreeting-1.0.dist-info/"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("squallgreeting.py", "TEXT = 'hello from a wheel'\n")
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: squallgreeting\nVersion: 1.0\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(info + "RECORD", f"squallgreeting.py,,\n{info}METADATA,,\n{info}WHEEL,,\n{info}RECORD,,\n")
    return path


@pytest.fixture
def squall(make_squall: Callable[..., Squall], tmp_path: Path) -> Squall:
    (tmp_path / "index.json").write_text(json.dumps({"packs": {
        "fromindex": {"name": "fromindex", "description": "Talks to clouds", "version": "0.2.1", "keywords": ["cloud"], "author": "a",
                      "repo_url": f"file://{tmp_path}/repositories/fromindex"},
        "other": {"name": "other", "description": "Nothing", "version": "1.0.0", "keywords": [], "author": "a", "repo_url": "https://example.com/other"}}}))
    return make_squall(env=GIT | {"SQUALL_INDEX_URL": f"{tmp_path}/index.json", "PIP_NO_INDEX": "1"})


def test_a_git_repository_at_a_branch_a_tag_or_a_commit(squall: Squall, tmp_path: Path) -> None:
    repository = make_repository(tmp_path, "demo")
    commit = git(repository, "rev-parse", "v0.1.0")
    url = f"file://{repository}"
    told = squall.cli("pack", "install", f"{url}=0.1.0")  # the tag is v0.1.0
    assert version_of(squall, "demo") == "0.1.0" and "0.1.0" in told
    for step in ("download_pack", "install_pack_requirements", "register_pack"):
        assert f"{step} succeeded" in told
    for version, wanted in (("0.2.0", "0.2.0"), ("next", "0.3.0"), (commit, "0.1.0"), (commit[:8], "0.1.0"), ("main", "0.2.1")):
        assert install(squall, [f"{url}={version}"])["status"] == "succeeded"
        assert version_of(squall, "demo") == wanted, version
    pack = Path(squall.get("/packs/demo")["path"])
    assert pack == squall.data / "packs" / "demo" and git(pack, "status", "--porcelain") == ""
    assert squall.result("demo.one")["status"] == "succeeded"
    found = squall.result("packs.get", {"pack": "demo"})["result"]["result"]
    assert found["pack"]["version"] == "0.2.1" and found["git_status"].startswith("Status:\nOn branch main")
    assert squall.result("packs.get", {"pack": "nosuch"})["result"]["result"] == {"pack": None, "git_status": None}
    failed = squall.cli("pack", "install", f"{url}=9.9.9", expect=1)
    assert '"9.9.9" is not a valid version, hash, tag or branch' in failed and "Available versions are: 0.1.0, 0.2.0" in failed
    assert version_of(squall, "demo") == "0.2.1", "what is installed stays"
    assert not list((squall.data / "packs").glob(".incoming*"))


def test_a_directory_an_archive_and_the_index(squall: Squall, tmp_path: Path) -> None:
    code = "from st2common.runners.base_action import Action\nfrom lib.word import WORD\n\n\nclass Say(Action):\n    def run(self):\n        return WORD\n"
    plain = write_pack(tmp_path / "work", "plain", {"actions/say.yaml": "name: say\nrunner_type: python-script\nentry_point: say.py\n",
                                                    "actions/say.py": code, "actions/lib/word.py": "WORD = 'one'\n"}) / "plain"
    assert "plain" in squall.cli("pack", "install", str(plain))
    assert squall.result("plain.say")["result"]["result"] == "one"
    (plain / "actions" / "two.yaml").write_text(NOOP.format("two"))
    (plain / "actions" / "lib" / "word.py").write_text("WORD = 'three'\n")
    assert install(squall, [f"file://{plain}"])["status"] == "succeeded"
    assert squall.get("/actions/plain.two")["enabled"]
    assert squall.result("plain.say")["result"]["result"] == "three", "nothing of the old pack lives on in a warm interpreter"
    with tarfile.open(tmp_path / "packed.tar.gz", "w:gz") as archive:
        packed = write_pack(tmp_path / "work", "packed", {"actions/one.yaml": NOOP.format("one")}) / "packed"
        archive.add(packed, "packed-1.0")
    with zipfile.ZipFile(tmp_path / "zipped.zip", "w") as zipped:
        zipped.writestr("pack.yaml", (plain / "pack.yaml").read_text().replace("plain", "zipped"))
    make_repository(tmp_path / "repositories", "fromindex")
    done = install(squall, [str(tmp_path / "packed.tar.gz"), str(tmp_path / "zipped.zip"), "fromindex=0.2.0"])
    assert done["status"] == "succeeded" and sorted(done["result"]["output"]["packs_list"]) == ["fromindex", "packed", "zipped"]
    assert version_of(squall, "fromindex") == "0.2.0"
    for bad, reason in ((str(tmp_path), "is no pack: it has no pack.yaml"), ("nosuch", 'No record of the "nosuch" pack in the index.'),
                        (str(tmp_path / "gone"), "does not exist on the machine of squall"), (str(plain / "pack.yaml"), "neither a directory nor an archive")):
        assert reason in squall.cli("pack", "install", bad, expect=1)


def test_an_archive_cannot_write_outside_of_its_pack(squall: Squall, tmp_path: Path) -> None:
    for name, member in (("up", tarfile.TarInfo("../../escaped")), ("link", tarfile.TarInfo("out"))):
        with tarfile.open(tmp_path / f"{name}.tar", "w") as archive:
            archive.addfile(tarfile.TarInfo("pack.yaml"), io.BytesIO(b""))
            if name == "link":
                member.type, member.linkname = tarfile.SYMTYPE, "/etc"
            archive.addfile(member, io.BytesIO(b""))
        assert "out of the pack" in squall.cli("pack", "install", str(tmp_path / f"{name}.tar"), expect=1).replace("outside", "out")
    assert not (squall.data / "escaped").exists() and not list((squall.data / "packs").iterdir())


def test_what_a_pack_depends_on_comes_along_or_is_a_conflict(squall: Squall, tmp_path: Path) -> None:
    make_repository(tmp_path, "lowest")
    make_repository(tmp_path, "middle", f"dependencies: ['file://{tmp_path}/lowest=v0.1.0']\n")
    top = write_pack(tmp_path, "top", {}) / "top"
    set_version(top, "1.0.0", f"dependencies:\n- file://{tmp_path}/middle\n")
    done = install(squall, [str(top)])
    assert done["status"] == "succeeded" and done["result"]["output"]["packs_list"] == ["top", "middle", "lowest"]
    assert [version_of(squall, pack) for pack in ("top", "middle", "lowest")] == ["1.0.0", "0.2.1", "0.1.0"]
    rival = write_pack(tmp_path, "rival", {}) / "rival"
    set_version(rival, "1.0.0", f"dependencies: ['file://{tmp_path}/lowest=v0.2.0']\n")
    told = squall.cli("pack", "install", str(rival), expect=1)
    assert "due to conflicts" in told and f"file://{tmp_path}/lowest=v0.2.0" in told
    assert version_of(squall, "rival") is None and not (squall.data / "packs" / "rival").exists() and version_of(squall, "lowest") == "0.1.0"
    squall.cli("pack", "install", "--skip-dependencies", str(rival))
    assert version_of(squall, "rival") == "1.0.0"


def test_versions_that_a_pack_asks_for(squall: Squall, tmp_path: Path) -> None:
    pack = write_pack(tmp_path, "picky", {}) / "picky"
    set_version(pack, "1.0.0", "stackstorm_version: '>=3.0.0, <3.5.0'\n")
    told = squall.cli("pack", "install", str(pack), expect=1)
    assert 'requires StackStorm ">=3.0.0, <3.5.0", but current version is "3.10dev"' in told
    set_version(pack, "1.0.0", "stackstorm_version: '>=2.9, <4.0.0'\npython_versions: ['2']\n")
    done = install(squall, [str(pack)])
    assert done["status"] == "succeeded" and "only supports Python 2" in done["result"]["output"]["warning_list"][0]
    set_version(pack, "1.0.0", "python_versions: ['4']\n")
    assert "requires Python 4" in squall.cli("pack", "install", str(pack), expect=1)
    squall.cli("pack", "install", "--force", str(pack))


def test_a_virtualenv_with_the_requirements_is_made_and_goes_with_its_pack(squall: Squall, tmp_path: Path) -> None:
    pack = write_pack(tmp_path, "wheels", {"actions/greet.yaml": "name: greet\nrunner_type: python-script\nentry_point: greet.py\n",
                                           "actions/greet.py": GREET, "requirements.txt": f"{make_wheel(tmp_path)}\n"}) / "wheels"
    told = squall.cli("pack", "install", str(pack))
    assert "virtualenvs are being made (wheels: " in told
    assert squall.result("wheels.greet")["result"]["result"] == "hello from a wheel"
    link = squall.data / "virtualenvs" / "wheels"
    made = link.resolve()
    done = squall.result("packs.setup_virtualenv", {"packs": ["wheels"], "update": True})
    assert done["result"]["result"] == "Successfully set up virtualenv for the following packs: wheels" and link.resolve() == made
    (squall.data / "packs" / "wheels" / "requirements.txt").write_text("/no/such.whl\n")
    failed = squall.result("packs.setup_virtualenv", {"packs": ["wheels"]})
    assert failed["status"] == "failed" and "pip install -r requirements.txt ended with exit code 1" in failed["result"]["error"]
    assert "is not installed" in squall.result("packs.setup_virtualenv", {"packs": ["nosuch"]})["result"]["error"]
    squall.cli("pack", "remove", "wheels")
    assert version_of(squall, "wheels") is None and squall.call("GET", "/v1/actions/wheels.greet")[0] == 404
    assert not (squall.data / "packs" / "wheels").exists()
    squall.until("the virtualenvs are gone", lambda: not [p for p in (squall.data / "virtualenvs").iterdir() if "wheels" in p.name])


def test_removing(squall: Squall, tmp_path: Path) -> None:
    for name in ("core", "packs"):
        assert f"unregisterable pack - {name}." in squall.cli("pack", "remove", name, expect=1)
    assert "nosuch" in squall.cli("pack", "remove", "nosuch", expect=3)
    # Over a pack that ships with squall another may be laid; without it that comes to light again.
    write_pack(tmp_path, "consul", {"actions/mine.yaml": NOOP.format("mine")})
    shipped = squall.get("/packs/consul")["version"]
    squall.cli("pack", "install", str(tmp_path / "consul"))
    assert version_of(squall, "consul") == "0.1.0" and squall.call("GET", "/v1/actions/consul.kv_get")[0] == 200
    squall.cli("pack", "remove", "consul")
    squall.until("the shipped pack is back", lambda: version_of(squall, "consul") == shipped)
    assert squall.call("GET", "/v1/actions/consul.mine")[0] == 404 and squall.call("GET", "/v1/actions/consul.kv_get")[0] == 200


def test_a_pack_that_squall_was_started_with_is_not_deleted(make_squall: Callable[..., Squall], tmp_path: Path) -> None:
    pack = write_pack(tmp_path, "mine", {"actions/one.yaml": NOOP.format("one")}) / "mine"
    squall = make_squall([pack])
    assert "which squall was started with (--packs)" in squall.cli("pack", "remove", "mine", expect=1)
    assert (pack / "pack.yaml").exists()
    assert install(squall, [str(write_pack(tmp_path / "w", "new", {}) / "new")])["status"] == "succeeded"
    assert squall.get("/packs/new")["path"] == str(squall.data / "packs" / "new")


def test_the_index(squall: Squall, make_squall: Callable[..., Squall]) -> None:
    assert set(squall.get("/packs/index")["index"]) == {"fromindex", "other"}
    status, found = squall.call("POST", "/v1/packs/index/search", {"query": "CLOUD"})
    assert status == 200 and [pack["name"] for pack in found] == ["fromindex"]
    assert squall.call("POST", "/v1/packs/index/search", {"pack": "other"})[1]["version"] == "1.0.0"
    assert squall.call("POST", "/v1/packs/index/search", {"pack": "nosuch"}) == (200, [])
    assert squall.call("POST", "/v1/packs/index/search", {})[0] == 400
    health = squall.get("/packs/index/health")
    assert health["packs"] == {"count": 2} and health["indexes"]["valid"] == 1 and health["indexes"]["errors"] == {}
    assert squall.result("packs.search", {"query": "cloud"})["result"]["result"][0]["name"] == "fromindex"
    assert squall.result("packs.show", {"pack": "other"})["result"]["result"]["pack"]["name"] == "other"
    assert "Talks to clouds" in squall.cli("pack", "search", "cloud") and "example.com/other" in squall.cli("pack", "show", "other")
    assert "no index has a pack" in squall.cli("pack", "show", "nosuch", expect=3)
    assert squall.result("packs.get_config")["result"]["result"]["pack_path"] == str(squall.data / "packs")
    away = make_squall(env={"SQUALL_INDEX_URL": "http://127.0.0.1:1/a.json,/no/such.json"})
    health = away.get("/packs/index/health")
    assert health["indexes"]["invalid"] == 2 and health["indexes"]["errors"] == {"unresponsive": 2}
    status, answer = away.call("GET", "/v1/packs/index")
    assert status == 400 and answer["faultstring"].startswith("No results from the indexes: tried http://127.0.0.1:1/a.json, /no/such.json.")


def test_config_by_the_command_line(squall: Squall, tmp_path: Path) -> None:
    schema = ("host: {type: string, required: true, description: Where it is}\nport: {type: integer, default: 80}\n"
              "password: {type: string, secret: true}\nlogin:\n  type: object\n  properties:\n    user: {type: string}\n    retry: {type: boolean}\n")
    squall.cli("pack", "install", str(write_pack(tmp_path, "conf", {"config.schema.yaml": schema}) / "conf"))
    squall.cli("pack", "config", "conf", "host=h", "port=81", "password=s3cret", "login.user=ann", "login.retry=yes")
    stored = squall.data / "configs" / "conf.yaml"
    values = squall.get("/configs/conf")["values"]
    assert values == {"host": "h", "port": 81, "password": "********", "login": {"user": "ann", "retry": True}}
    assert "password: s3cret" in stored.read_text()
    asked = subprocess.run([str(os.environ.get("SQUALL_BINARY", Path(__file__).resolve().parents[2] / "build/release/squall")), "pack", "config", "conf",
                            "--url", squall.url], input="\nninety\n90\n\n\nfalse\n", capture_output=True, text=True, timeout=30, check=False)
    assert asked.returncode == 0 and "host (Where it is) [h]: " in asked.stderr and "is not an integer" in asked.stderr and "s3cret" not in asked.stderr
    assert squall.get("/configs/conf")["values"] == values | {"port": 90, "login": {"user": "ann", "retry": False}}
    assert "password: s3cret" in stored.read_text(), "what was not typed again stays"
    assert "no parameter 'nosuch'" in squall.cli("pack", "config", "conf", "nosuch=1", expect=1)


def test_a_pack_is_made_tested_and_installed(squall: Squall, tmp_path: Path) -> None:
    squall.cli("pack", "config", "nosuch", expect=3)
    binary = str(os.environ.get("SQUALL_BINARY", Path(__file__).resolve().parents[2] / "build/release/squall"))
    made = subprocess.run([binary, "pack", "create", "fresh", "--directory", str(tmp_path)], capture_output=True, text=True, timeout=30, check=True)
    assert "squall pack install" in made.stdout
    assert subprocess.run([binary, "pack", "create", "fresh", "--directory", str(tmp_path)], capture_output=True, timeout=30, check=False).returncode == 1
    assert subprocess.run([binary, "pack", "create", "not-a-ref"], capture_output=True, timeout=30, check=False).returncode == 1
    tested = subprocess.run([binary, "pack", "test", str(tmp_path / "fresh"), "--url", "http://127.0.0.1:1"], capture_output=True, text=True, timeout=60,
                            check=False)
    assert tested.returncode == 0 and "Ran 1 test" in tested.stderr, tested.stderr
    squall.cli("pack", "install", str(tmp_path / "fresh"))
    assert squall.get("/squall/health")["problems"] == []
    assert squall.result("fresh.greet", {"who": "world"})["result"]["result"] == "Hello, world"
    assert "OK" in squall.cli("pack", "test", "fresh")


def test_the_unmodified_st2_client(squall: Squall, tmp_path: Path) -> None:
    try:
        client_program()
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"st2client cannot be installed: {error}")
    client = Client(squall.url, tmp_path)
    make_repository(tmp_path / "repositories", "fromindex")
    told = client.run("pack", "install", "fromindex=0.2.0")
    assert "register_pack" in told and "0.2.0" in told
    assert client.json("pack", "get", "fromindex")["version"] == "0.2.0"
    assert client.run("pack", "install", f"file://{tmp_path}/nosuch", expect=1)
    assert client.json("pack", "search", "cloud")[0]["name"] == "fromindex"
    assert client.json("pack", "show", "other")["name"] == "other"
    assert "fromindex" in client.run("pack", "remove", "fromindex")
    assert version_of(squall, "fromindex") is None
