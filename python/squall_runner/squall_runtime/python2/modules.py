"""The modules of Python 2 as its programs knew them. Only the files of packs that are Python 2 see them (imports.py)."""

import importlib
import importlib.util
import sys
import types

from squall_runtime.python2.semantics import text_or_bytes, to_bytes

# Modules that only have another name today.
_RENAMED = {
    "BaseHTTPServer": "http.server",
    "CGIHTTPServer": "http.server",
    "Cookie": "http.cookies",
    "DocXMLRPCServer": "xmlrpc.server",
    "HTMLParser": "html.parser",
    "Queue": "queue",
    "SimpleHTTPServer": "http.server",
    "SimpleXMLRPCServer": "xmlrpc.server",
    "SocketServer": "socketserver",
    "__builtin__": "builtins",
    "anydbm": "dbm",
    "cPickle": "pickle",
    "cookielib": "http.cookiejar",
    "copy_reg": "copyreg",
    "dbhash": "dbm",
    "dumbdbm": "dbm.dumb",
    "exceptions": "builtins",
    "gdbm": "dbm.gnu",
    "htmlentitydefs": "html.entities",
    "repr": "reprlib",
    "robotparser": "urllib.robotparser",
    "thread": "_thread",
    "urlparse": "urllib.parse",
    "xmlrpclib": "xmlrpc.client",
}
_MADE = {}  # name -> function that fills a module of that name


def _made(*names):
    def register(function):
        for name in names:
            _MADE[name] = function
        return function

    return register


def find(name):
    """The module that a Python 2 program means by this name; None when it is the same today."""
    if name in _RENAMED:
        if exists(name):
            return None
        try:
            return importlib.import_module(_RENAMED[name])
        except ImportError:
            return None
    if name not in _MADE or (name not in _KEPT_NAMES and exists(name)):
        return None
    key = "squall_runtime.python2.modules." + name
    module = sys.modules.get(key)
    if module is None:
        module = types.ModuleType(name)
        _MADE[name](module)
        sys.modules[key] = module
    return module


def _copy(module, *sources):
    """Gives the module what the others have."""
    for source in sources:
        for name, value in vars(source).items():
            if not (name.startswith("__") and name.endswith("__")):
                setattr(module, name, value)


@_made("StringIO", "cStringIO")
def _string_io(module):
    import io

    def string_io(initial=""):
        return io.BytesIO(initial) if isinstance(initial, bytes) else io.StringIO(initial)

    module.StringIO = string_io


@_made("commands")
def _commands(module):
    import subprocess

    module.getoutput = subprocess.getoutput
    module.getstatusoutput = subprocess.getstatusoutput


@_made("UserDict", "UserList", "UserString")
def _user_types(module):
    import collections
    import collections.abc

    module.UserDict = module.IterableUserDict = collections.UserDict
    module.DictMixin = collections.abc.MutableMapping
    module.UserList = collections.UserList
    module.UserString = collections.UserString


@_made("sets")
def _sets(module):
    module.Set, module.ImmutableSet = set, frozenset


@_made("ConfigParser")
def _config_parser(module):
    import configparser

    _copy(module, configparser)

    class Parser(configparser.RawConfigParser):
        def __init__(self, *arguments, **keywords):
            keywords.setdefault("strict", False)
            super().__init__(*arguments, **keywords)

        def readfp(self, file, filename=None):
            self.read_file(file, filename)

    module.RawConfigParser = Parser
    # `%(name)s` as there: also in values that are set by the program.
    module.ConfigParser = module.SafeConfigParser = type(
        "SafeConfigParser", (Parser,), {"_DEFAULT_INTERPOLATION": configparser.BasicInterpolation()}
    )


def _with_text_answers(response_class):
    """A class of HTTP responses whose body is text where it is one."""

    class Response(response_class):
        def read(self, *arguments):
            return text_or_bytes(super().read(*arguments))

    return Response


@_made("httplib")
def _httplib(module):
    import http.client

    _copy(module, http.client)
    module.HTTPResponse = _with_text_answers(http.client.HTTPResponse)
    for name in ("HTTPConnection", "HTTPSConnection"):
        # `strict` is gone; it stood third or came by name.
        def __init__(self, host, *arguments, _base=getattr(http.client, name), **keywords):
            keywords.pop("strict", None)
            _base.__init__(self, host, *arguments, **keywords)

        base = getattr(http.client, name)
        setattr(module, name, type(name, (base,), {"__init__": __init__, "response_class": module.HTTPResponse}))


class _Answer:
    """What urlopen() gives; its body is text where it is one."""

    def __init__(self, response):
        self._response = response

    def __getattr__(self, name):
        return getattr(self._response, name)

    def __iter__(self):
        return (text_or_bytes(line) for line in self._response)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._response.close()

    def read(self, *arguments):
        return text_or_bytes(self._response.read(*arguments))

    def readline(self, *arguments):
        return text_or_bytes(self._response.readline(*arguments))

    def readlines(self):
        return list(self)


def _urlopen(url, data=None, *arguments, **keywords):
    import urllib.request

    return _Answer(urllib.request.urlopen(url, to_bytes(data), *arguments, **keywords))


@_made("urllib2")
def _urllib2(module):
    import urllib.error
    import urllib.parse
    import urllib.request

    _copy(module, urllib.request, urllib.error)
    module.quote, module.unquote = urllib.parse.quote, urllib.parse.unquote
    module.urlopen = _urlopen

    class Request(urllib.request.Request):
        def __init__(self, url, data=None, *arguments, **keywords):
            super().__init__(url, to_bytes(data), *arguments, **keywords)

        def add_data(self, data):
            self.data = to_bytes(data)

        def get_data(self):
            return self.data

        def has_data(self):
            return self.data is not None

        def get_host(self):
            return self.host

        def get_type(self):
            return self.type

    module.Request = Request

    class OpenerDirector(urllib.request.OpenerDirector):
        def open(self, url, data=None, *arguments, **keywords):
            return _Answer(super().open(url, to_bytes(data), *arguments, **keywords))

    def build_opener(*handlers):
        opener = urllib.request.build_opener(*handlers)
        opener.__class__ = OpenerDirector
        return opener

    module.OpenerDirector, module.build_opener = OpenerDirector, build_opener


@_made("urllib")
def _urllib(module):
    import urllib.error
    import urllib.parse
    import urllib.request

    _copy(module, urllib.parse, urllib.request)
    module.parse, module.request, module.error = urllib.parse, urllib.request, urllib.error
    module.urlopen = _urlopen
    module.unquote = urllib.parse.unquote
    module.quote = lambda text, safe="/": urllib.parse.quote(text, safe)


@_made("md5", "sha")
def _old_hashes(module):
    hashes = find("hashlib")
    module.new = hashes.md5 if module.__name__ == "md5" else hashes.sha1
    setattr(module, module.__name__, module.new)


# Modules that are still there and want bytes, or have lost functions.


@_made("base64")
def _base64(module):
    import base64

    _copy(module, base64)

    def encoder(function):
        return lambda data, *arguments, **keywords: function(to_bytes(data), *arguments, **keywords).decode("ascii")

    def decoder(function):
        return lambda data, *arguments, **keywords: text_or_bytes(function(to_bytes(data), *arguments, **keywords))

    for kind in ("b64", "b32", "b16", "standard_b64", "urlsafe_b64"):
        setattr(module, kind + "encode", encoder(getattr(base64, kind + "encode")))
        setattr(module, kind + "decode", decoder(getattr(base64, kind + "decode")))
    module.encodestring, module.decodestring = encoder(base64.encodebytes), decoder(base64.decodebytes)


class _Hash:
    """A hash that takes text."""

    def __init__(self, wrapped):
        self._wrapped = wrapped

    def __getattr__(self, name):
        return getattr(self._wrapped, name)

    def update(self, data):
        self._wrapped.update(to_bytes(data))

    def copy(self):
        return _Hash(self._wrapped.copy())


@_made("hashlib")
def _hashlib(module):
    import hashlib

    _copy(module, hashlib)

    def hasher(function):
        return lambda data=b"", **keywords: _Hash(function(to_bytes(data), **keywords))

    for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512"):
        setattr(module, name, hasher(getattr(hashlib, name)))
    module.new = lambda name, data=b"", **keywords: _Hash(hashlib.new(name, to_bytes(data), **keywords))


@_made("hmac")
def _hmac(module):
    import hashlib
    import hmac

    _copy(module, hmac)
    own = {name: getattr(hashlib, name) for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")}

    def new(key, msg=None, digestmod="md5"):
        if callable(digestmod):
            digestmod = digestmod().name
        return _Hash(hmac.new(to_bytes(key), to_bytes(msg), own.get(digestmod, digestmod)))

    module.new = new


@_made("subprocess")
def _subprocess(module):
    import subprocess

    _copy(module, subprocess)

    def as_text(keywords):
        if not any(name in keywords for name in ("universal_newlines", "text", "encoding", "errors")):
            # Python 2 has no text there; whatever is no UTF-8 survives the way in and out.
            keywords.update(encoding="utf-8", errors="surrogateescape")
        return keywords

    class Popen(subprocess.Popen):
        def __init__(self, *arguments, **keywords):
            super().__init__(*arguments, **as_text(keywords))

    module.Popen = Popen
    module.check_output = lambda *arguments, **keywords: subprocess.check_output(*arguments, **as_text(keywords))


@_made("string")
def _string(module):
    import string

    _copy(module, string)
    module.letters, module.lowercase, module.uppercase = string.ascii_letters, string.ascii_lowercase, string.ascii_uppercase
    module.join = lambda words, separator=" ": separator.join(words)
    module.atoi, module.atol, module.atof = int, int, float
    module.maketrans = str.maketrans
    for name in ("split", "rsplit", "strip", "lstrip", "rstrip", "lower", "upper", "replace", "find", "rfind", "count", "zfill"):
        setattr(module, name, getattr(str, name))
    module.splitfields, module.joinfields = str.split, module.join


@_made("collections")
def _collections(module):
    import collections
    import collections.abc

    _copy(module, collections)
    for name in collections.abc.__all__:
        setattr(module, name, getattr(collections.abc, name))


@_made("inspect")
def _inspect(module):
    import collections
    import inspect

    _copy(module, inspect)
    spec = collections.namedtuple("ArgSpec", "args varargs keywords defaults")
    module.getargspec = lambda function: spec(*inspect.getfullargspec(function)[:4])


@_made("time")
def _time(module):
    import time

    _copy(module, time)
    module.clock = time.process_time


@_made("cgi")
def _cgi(module):
    import html

    try:
        import cgi
    except ImportError:  # since Python 3.13
        pass
    else:
        _copy(module, cgi)
    module.escape = lambda text, quote=False: html.escape(text, quote)


def exists(name):
    """Is there a module of this name, say one that the pack has itself?"""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError, AttributeError):
        return False


_KEPT_NAMES = {"base64", "cgi", "collections", "hashlib", "hmac", "inspect", "string", "subprocess", "time", "urllib"}
# What can be imported in Python 2 only; the functions of urllib that have moved, too.
PYTHON2_ONLY = frozenset(
    (set(_RENAMED) | set(_MADE)) - _KEPT_NAMES
    | {"urllib." + name for name in "FancyURLopener URLopener quote quote_plus unquote unquote_plus urlencode urlopen urlretrieve".split()}
    | {"itertools." + name for name in "ifilter ifilterfalse imap izip izip_longest".split()}
    | {"string." + name for name in "letters lowercase uppercase join atoi atof maketrans split lower upper replace".split()}
)
