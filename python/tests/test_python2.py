"""Files of Python 2 run as they did: converted when they are loaded, each of their habits one by one."""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from squall_runtime import action, loader
from squall_runtime.python2 import imports, source

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@pytest.fixture(autouse=True)
def keep_interpreter_clean():
    modules, path, finders, hooks = set(sys.modules), list(sys.path), list(sys.meta_path), list(sys.path_hooks)
    default = json.JSONEncoder.default
    yield
    for name in set(sys.modules) - modules:
        if not name.startswith("lib2to3"):
            del sys.modules[name]
    sys.path[:] = path
    sys.meta_path[:] = finders
    sys.path_hooks[:] = hooks
    sys.path_importer_cache.clear()
    json.JSONEncoder.default = default


class PackOfFiles:
    def __init__(self, directory):
        self.directory = directory
        self.converted = []
        self.pack = imports.Pack(
            str(directory), str(directory.parent / "kept"), lambda path, reason: self.converted.append((os.path.basename(path), reason))
        )

    def write(self, name, text):
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return str(path)

    def load(self, name, text=None):
        path = self.write(name, text) if text is not None else str(self.directory / name)
        loader.arrange_path(path, "actions")
        imports.install(self.pack)
        return loader.import_file(path, self.pack)

    def value(self, text):
        """X of a module with this text."""
        return self.load("actions/main.py", text).X


@pytest.fixture
def pack(tmp_path):
    return PackOfFiles(tmp_path / "pack")


# Text of a Python 2 file, and what its X is: the values are those of CPython 2.7.18, but that text is `unicode` as well. A print statement makes sure that it does not pass for Python 3.
PRINT = "print 'said'\n"
HABITS = {
    "print": (PRINT + "X = 1\n", 1),
    "print to a file": ("import sys\nprint >>sys.stderr, 'a', 1\nX = 1\n", 1),
    "except with a comma": ("try:\n    1 / 0\nexcept ZeroDivisionError, e:\n    X = str(e)\n", "integer division or modulo by zero"),
    "raise with a text": ("try:\n    raise ValueError, 'why'\nexcept ValueError, e:\n    X = e.args\n", ("why",)),
    "octal": ("X = 0755\n", 493),
    "long": ("X = 10L * 2\n", 20),
    "backticks": ("X = `[1]`\n", "[1]"),
    "unequal": ("X = 1 <> 2\n", True),
    "exec": ("X = {}\nexec 'y = 7' in X\nX = X['y']\n", 7),
    "tuple parameters": ("def f((a, b), c):\n    return a + b + c\nX = f((1, 2), 3)\n", 6),
    "tabs and blanks": ("if 1:\n        a = 1\n\tX = a\n", 1),
    "tabs inside a text": ("if 1:\n        a = 1\n\tX = '''\n\tkept'''\n", "\n\tkept"),
    "line ends of Windows": (b"print 'x'\r\nX = 2\r\n", 2),
    "no line end": ("print 'x'\nX = 3", 3),
    "latin-1 with a cookie": ("# -*- coding: latin-1 -*-\nprint 'x'\nX = '\xe4'\n".encode("latin-1"), "\xe4"),
    "bytes of no encoding": (b"print 'x'\n# \xe4\nX = 4\n", 4),
    "unicode": (PRINT + "X = [isinstance('a', unicode), isinstance('a', basestring), unicode('b'), unicode(5), unichr(65)]\n", [True, True, "b", "5", "A"]),
    "unicode with an encoding": (PRINT + "X = unicode('b', 'utf-8')\n", "b"),
    "xrange and range": (PRINT + "X = [list(xrange(3)), range(2) + [9]]\n", [[0, 1, 2], [0, 1, 9]]),
    "dict methods": (PRINT + "d = {'a': 1}\nX = [d.keys()[0], d.has_key('a'), list(d.iteritems()), d.values() + []]\n", ["a", True, [("a", 1)], [1]]),
    "map, filter and zip": (PRINT + "X = map(abs, [-1])[0], filter(None, [0, 2])[0], zip([1], [2])[0]\n", (1, 2, (1, 2))),
    "reduce, cmp and sorted": (PRINT + "X = [reduce(lambda a, b: a + b, [1, 2]), cmp(1, 2), sorted([1, 3], cmp=lambda a, b: cmp(b, a))]\n", [3, -1, [3, 1]]),
    "division": (PRINT + "a = 7\na /= 2\nX = [7 / 2, -7 / 2, 7.0 / 2, a]\n", [3, -4, 3.5, 3]),
    "true division": ("from __future__ import division\nprint 'x'\nX = 7 / 2\n", 3.5),
    "print as a function": ("from __future__ import print_function\nimport sys\nprint('a', file=sys.stderr)\nX = 0755\n", 493),
    "decode of a text": (PRINT + "X = ['a'.decode('utf-8'), '6869'.decode('hex'), 'hi'.encode('hex'), 'aGk='.decode('base64'), r'a\\tb'.decode('string_escape')]\n", ["a", "hi", "6869", "hi", "a\tb"]),
    "urllib2": ("import urllib2, urllib, urlparse\nX = [urllib.urlencode({'a': 1}), urllib.quote('a b'), urlparse.urlparse('http://h/p').netloc, urllib2.Request('http://h', 'd').get_data()]\n", ["a=1", "a%20b", "h", b"d"]),
    "from urllib": ("from urllib import urlencode\nX = urlencode({'a': 1})\n", "a=1"),
    "urllib attribute": ("import urllib\nX = urllib.quote('a b')\n", "a%20b"),
    "httplib": ("import httplib\nX = [httplib.OK, httplib.HTTPConnection('h', strict=True).host]\n", [200, "h"]),
    "StringIO": ("from StringIO import StringIO\nimport cStringIO\nX = StringIO('a').read() + cStringIO.StringIO('b').read()\n", "ab"),
    "ConfigParser": ("import ConfigParser, StringIO\np = ConfigParser.ConfigParser()\np.readfp(StringIO.StringIO('[s]\\na=1\\n'))\nX = p.get('s', 'a')\n", "1"),
    "Queue and thread": ("import Queue, thread\nq = Queue.Queue()\nthread.start_new_thread(q.put, (1,))\nX = q.get(timeout=20)\n", 1),
    "base64 and hashes of texts": (PRINT + "import base64, hashlib, hmac\nX = [base64.b64encode('u:p'), base64.encodestring('a'), base64.b64decode('aGk='), hashlib.md5('a').hexdigest()[:4], hmac.new('k', 'm', hashlib.sha1).hexdigest()[:4]]\n",
                                   ["dTpw", "YQ==\n", "hi", "0cc1", "772b"]),
    "output of a program": (PRINT + "import subprocess\np = subprocess.Popen(['echo', 'hi'], stdout=subprocess.PIPE)\nX = [p.communicate()[0].split('\\n')[0], subprocess.check_output(['echo', 'ho']).strip()]\n", ["hi", "ho"]),
    "string functions": ("import string\nX = string.join(['a', 'b'], '-') + string.letters[:1]\n", "a-ba"),
    "collections": (PRINT + "import collections\nX = isinstance({}, collections.Mapping)\n", True),
    "metaclass": (PRINT + "class M(type):\n    tag = 5\nclass A(object):\n    __metaclass__ = M\nX = A.tag\n", 5),
    "next method": (PRINT + "X = iter([1]).next()\n", 1),
    "default encoding": ("import sys\nreload(sys)\nsys.setdefaultencoding('utf8')\nprint 'x'\nX = 1\n", 1),
    "itertools": ("import itertools\nX = list(itertools.izip([1], [2]))\n", [(1, 2)]),
    "iteritems alone": ("X = [k for k, v in {'a': 1}.iteritems()]\n", ["a"]),
}


@pytest.mark.parametrize("habit", HABITS)
def test_habit(pack, habit):
    text, expected = HABITS[habit]
    assert pack.value(text) == expected
    assert [name for name, _ in pack.converted] == ["main.py"], "it has to be recognised"


PYTHON3 = {
    "plain": "X = 7 / 2\n",
    "both by name": "try:\n    text = unicode\nexcept NameError:\n    text = str\nX = 7 / 2 if text is str else 0\n",
    "both by import": "try:\n    import urllib2\nexcept ImportError:\n    import urllib.request as urllib2\nX = 7 / 2 if urllib2.__name__ == 'urllib.request' else 0\n",
    "both by version": "import sys\nif sys.version_info[0] < 3:\n    import httplib\n    text = unicode\nX = 7 / 2\n",
    "own names": "def reduce(a):\n    return a\nfile = 3.5\nX = reduce(file)\n",
    "six": "class six:\n    iteritems = staticmethod(lambda d: d)\nX = six.iteritems(3.5)\n",
    "a module of its own": "import exceptions\nX = exceptions.X\n",
}


@pytest.mark.parametrize("kind", PYTHON3)
def test_python_3_is_left_alone(pack, kind):
    pack.write("actions/lib/exceptions.py", "X = 3.5\n")
    assert pack.value(PYTHON3[kind]) == 3.5
    assert pack.converted == [] and not pack.pack.has_python2
    # The verdict is kept, too: the file is not looked through again.
    for name in ("main", "exceptions"):
        sys.modules.pop(name, None)
    assert pack.load("actions/main.py").X == 3.5


def test_modules_of_the_pack_are_converted_too_and_found_beside_each_other(pack):
    pack.write("actions/lib/helper.py", "import other\nprint 'x'\nX = other.X + 1\n")
    pack.write("actions/lib/other.py", "X = 7 / 2\n")
    pack.write("lib/shared/__init__.py", "")
    pack.write("lib/shared/near.py", "import codecs2\nimport string\nX = codecs2.X + string.X\n")
    pack.write("lib/shared/codecs2.py", "X = 0755\n")
    pack.write("lib/shared/string.py", "X = 1\n")
    pack.write("lib/shared/old.py", "print 'x'\nimport string\nX = string.X\n")
    main = pack.load("actions/main.py", "import helper\nfrom shared import old\nX = [helper.X, old.X]\n")
    assert main.X == [4.5, 1], "only the file of Python 2 divides as Python 2"
    assert sorted(name for name, _ in pack.converted) == ["helper.py", "old.py"]


def test_a_python_3_file_in_a_package_finds_its_sibling(pack):
    pack.write("lib/shared/__init__.py", "")
    pack.write("lib/shared/near.py", "import sibling_of_near\nX = sibling_of_near\n")
    pack.write("lib/shared/sibling_of_near.py", "X = 1\n")
    main = pack.load("actions/main.py", "from shared import near\nimport shared.sibling_of_near\nX = near.X is shared.sibling_of_near\n")
    assert main.X is True
    with pytest.raises(ModuleNotFoundError, match="no_such_sibling"):
        pack.load("actions/other.py", "import no_such_sibling\n")


def test_modules_outside_of_the_pack_are_not_touched(pack, tmp_path):
    (tmp_path / "foreign.py").write_text("print 'x'\n")
    sys.path.append(str(tmp_path))
    with pytest.raises(SyntaxError, match="print"):
        pack.load("actions/main.py", "import foreign\n")


def test_what_was_converted_is_kept_by_its_content(pack, monkeypatch):
    pack.value(PRINT + "X = 1\n")
    kept = list((pack.directory.parent / "kept").iterdir())
    assert len(kept) == 1 and len(pack.converted) == 1
    monkeypatch.setattr(source, "convert", lambda *arguments: pytest.fail("it was kept"))
    assert pack.load("actions/other.py", PRINT + "X = 1\n").X == 1
    assert len(pack.converted) == 1
    monkeypatch.undo()
    assert pack.value(PRINT + "X = 2\n") == 2
    assert len(pack.converted) == 2


def test_without_a_place_to_keep_it_the_file_still_runs(pack):
    pack.pack.cache_directory = "/proc/nowhere"
    assert pack.value(PRINT + "X = 1\n") == 1


def test_a_traceback_names_the_line_of_the_file(pack):
    with pytest.raises(ZeroDivisionError) as caught:
        pack.value("import urllib2\nprint 'x'\n\nX = reduce(lambda a, b: a / b, [1, 0])\n")
    last = caught.traceback[-2]
    assert (os.path.basename(str(last.path)), last.lineno + 1) == ("main.py", 4)


def test_what_is_neither_tells_what_python_3_says(pack):
    with pytest.raises(SyntaxError, match="never closed") as caught:
        pack.value("x = (1\n")
    assert caught.value.filename.endswith("main.py")


def test_without_lib2to3_the_error_tells_what_to_do(pack, monkeypatch):
    source._tool.cache_clear()
    monkeypatch.setitem(sys.modules, "lib2to3.refactor", None)
    with pytest.raises(SyntaxError, match="main.py is written for Python 2, and this interpreter .* python3-lib2to3"):
        pack.value(PRINT)


def test_answers_over_http_are_text(pack):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"got " + body)

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        text = (
            "import httplib, urllib2\nport = %d\nc = httplib.HTTPConnection('127.0.0.1', port)\nc.request('POST', '/', 'a')\n"
            "opener = urllib2.build_opener(urllib2.ProxyHandler({}))\n"
            "X = [c.getresponse().read(), opener.open('http://127.0.0.1:%d/', 'b').read()]\n"
        )
        assert pack.value(text % (server.server_port, server.server_port)) == ["got a", "got b"]
    finally:
        server.shutdown()
        server.server_close()


ACTION = "from st2actions.runners.pythonrunner import Action\nclass A(Action):\n    def __init__(self, config):\n        super(A, self).__init__(config)\n    def run(self, **p):\n"


def execute(pack, capfd, body, **more):
    path = pack.write("actions/a.py", ACTION + "        " + body + "\n")
    request = dict({"pack": "old", "file_path": path, "parameters": {}, "python2_directory": str(pack.directory.parent / "kept")}, **more)
    code = action.execute(request)
    return code, json.loads(capfd.readouterr()[0].split(action.DELIMITER)[1])


def test_an_action_of_python_2(pack, capfd):
    code, answer = execute(pack, capfd, "print 'x'; return {'a': self.config['k'], 'b': b'bytes', 1: b'\\xff'}", config={"k": 5})
    assert (code, answer["result"]) == (0, {"a": 5, "b": "bytes", "1": "/w=="})
    assert [os.path.basename(one["file"]) for one in answer["converted"]] == ["a.py"]
    _, answer = execute(pack, capfd, "print 'x'; return {'a': self.config['k'], 'b': b'bytes', 1: b'\\xff'}", config={"k": 5})
    assert "converted" not in answer


def test_a_missing_key_of_the_config_names_the_pack(pack):
    path = pack.write("actions/a.py", ACTION + "        return self.config['nosuch']\n")
    with pytest.raises(ValueError, match='Config for pack "old" is missing key "nosuch"'):
        action.execute({"pack": "old", "file_path": path, "parameters": {}})


def test_bytes_of_an_action_of_today_are_what_stackstorm_makes_of_them(pack, capfd):
    path = pack.write("actions/a.py", "from st2common.runners.base_action import Action\nclass A(Action):\n    def run(self):\n        return {'a': b'b'}\n")
    action.execute({"pack": "new", "file_path": path, "parameters": {}})
    assert json.loads(capfd.readouterr()[0].split(action.DELIMITER)[1]) == {"result": "{'a': b'b'}", "status": None}


def test_a_failing_action_tells_of_its_conversion_all_the_same(pack, capfd):
    path = pack.write("actions/a.py", ACTION + "        print 'x'; raise ValueError, 'no'\n")
    with pytest.raises(ValueError):
        action.execute({"pack": "old", "file_path": path, "parameters": {}})
    answer = json.loads(capfd.readouterr()[0].split(action.DELIMITER)[1])
    assert list(answer) == ["converted"] and "line 6" in answer["converted"][0]["reason"]


def test_json_of_bytes_inside_the_pack(pack):
    from squall_runtime import jsonable

    jsonable.install_bytes()
    assert json.dumps({"a": b"b"}) == '{"a": "b"}'
    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps({"a": object()})


def test_eventlet_is_there_where_it_is_not_installed(monkeypatch):
    monkeypatch.syspath_prepend(os.path.join(ROOT, "squall_runner", "fallbacks"))
    for name in [name for name in sys.modules if name.partition(".")[0] == "eventlet"]:
        monkeypatch.delitem(sys.modules, name)
    import eventlet
    from eventlet.green import subprocess
    from eventlet.greenpool import GreenPool

    eventlet.monkey_patch()
    pool = GreenPool(2)
    assert list(pool.imap(abs, [-1, -2, -3])) == [1, 2, 3]
    thread = eventlet.spawn(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        thread.wait()
    assert subprocess.__name__ == "subprocess"
    with pytest.raises(eventlet.Timeout):
        with eventlet.Timeout(0.05):
            while True:
                eventlet.sleep(0.01)
    with eventlet.Timeout(30, False) as unused:
        pass
    event = eventlet.Event()
    eventlet.spawn(event.send, 5)
    assert event.wait(20) == 5 and unused.seconds == 30
