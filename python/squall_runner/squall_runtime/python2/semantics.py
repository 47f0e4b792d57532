"""What Python 2 does otherwise with the same syntax, and its builtins."""

import ast
import builtins
import codecs
import functools
import importlib
import sys

# Builtins that Python 3 does not have.
GONE_BUILTINS = frozenset(
    "apply basestring buffer cmp coerce execfile file intern long raw_input reduce reload unichr unicode xrange".split()
)

_DIVIDE, _DECODE, _ENCODE = "__python2_divide__", "__python2_decode__", "__python2_encode__"
# Codecs from text to text, which Python 3 has for bytes only.
_BYTE_CODECS = {"hex", "base64", "zlib", "zip", "bz2", "rot13", "quopri", "uu", "string_escape", "string-escape"}


def apply(tree, true_division):
    """The tree with calls of the functions below where Python 3 would do something else."""
    return ast.fix_missing_locations(_Rewriter(true_division).visit(tree))


class _Rewriter(ast.NodeTransformer):
    def __init__(self, true_division):
        self._true_division = true_division

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if self._true_division or not isinstance(node.op, ast.Div):
            return node
        return ast.copy_location(_call(_DIVIDE, node.left, node.right), node)

    def visit_AugAssign(self, node):
        self.generic_visit(node)
        if self._true_division or not isinstance(node.op, ast.Div) or not isinstance(node.target, ast.Name):
            return node
        left = ast.Name(id=node.target.id, ctx=ast.Load())
        assign = ast.Assign(targets=[node.target], value=_call(_DIVIDE, left, node.value))
        return ast.copy_location(assign, node)

    def visit_Call(self, node):
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("decode", "encode"):
            name = _DECODE if node.func.attr == "decode" else _ENCODE
            call = ast.Call(func=ast.Name(id=name, ctx=ast.Load()), args=[node.func.value] + node.args, keywords=node.keywords)
            return ast.copy_location(call, node)
        return node


def _call(name, *arguments):
    return ast.Call(func=ast.Name(id=name, ctx=ast.Load()), args=list(arguments), keywords=[])


def divide(left, right):
    """The classic `/`: of two integers the floor."""
    if isinstance(left, int) and isinstance(right, int):
        return left // right
    return left / right


def decode(value, *arguments, **keywords):
    """value.decode(...). A text is one already, unless the codec makes something else of it."""
    if not isinstance(value, str):
        if isinstance(value, bytes) and _codec(arguments, keywords) in _BYTE_CODECS:
            return _through(value, codecs.decode, _codec(arguments, keywords))
        return value.decode(*arguments, **keywords)
    codec = _codec(arguments, keywords)
    if codec in ("unicode_escape", "unicode-escape"):
        return value.encode("latin-1", "backslashreplace").decode("unicode_escape")
    return _through(value.encode("utf-8"), codecs.decode, codec) if codec in _BYTE_CODECS else value


def encode(value, *arguments, **keywords):
    """value.encode(...)."""
    codec = _codec(arguments, keywords)
    if isinstance(value, str) and codec in _BYTE_CODECS:
        return _through(value.encode("utf-8"), codecs.encode, codec)
    if isinstance(value, bytes):
        return _through(value, codecs.encode, codec) if codec in _BYTE_CODECS else value
    return value.encode(*arguments, **keywords)


def _codec(arguments, keywords):
    codec = arguments[0] if arguments else keywords.get("encoding")
    return codec.lower() if isinstance(codec, str) else None


def _through(data, function, codec):
    if codec in ("string_escape", "string-escape"):
        if function is codecs.encode:
            return repr(text_or_bytes(data))[1:-1]
        return text_or_bytes(codecs.escape_decode(data)[0])
    if codec == "rot13":
        return function(data.decode("utf-8"), "rot13")
    return text_or_bytes(function(data, codec))


def text_or_bytes(data):
    """The `str` of Python 2 served for both: text where it is one."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data


def to_bytes(value):
    return value.encode("utf-8") if isinstance(value, str) else value


def cmp(left, right):
    return (left > right) - (left < right)


def ordered(iterable, cmp=None, key=None, reverse=False):
    """sorted() with a function that compares."""
    if cmp is not None:
        compare = functools.cmp_to_key(cmp)
        of = key
        key = (lambda item: compare(of(item))) if of else compare
    return builtins.sorted(iterable, key=key, reverse=reverse)


def execfile(path, global_names=None, local_names=None):
    names = sys._getframe(1).f_globals if global_names is None else global_names
    with open(path, "rb") as file:
        exec(compile(file.read(), path, "exec"), names, names if local_names is None else local_names)


def reload(module):
    return module if module is sys else importlib.reload(module)


def namespace(import_function):
    """The builtins of a module of Python 2, which imports with `import_function`."""
    names = dict(vars(builtins))
    names.update(
        {
            "__import__": import_function,
            _DIVIDE: divide,
            _DECODE: decode,
            _ENCODE: encode,
            "apply": lambda function, arguments=(), keywords=None: function(*arguments, **(keywords or {})),
            "basestring": str,
            "buffer": memoryview,
            "cmp": cmp,
            "coerce": lambda left, right: (left, right),
            "execfile": execfile,
            "file": open,
            "intern": sys.intern,
            "long": int,
            "raw_input": input,
            "reduce": functools.reduce,
            "reload": reload,
            "sorted": ordered,
            "unichr": chr,
            "unicode": _unicode,
            "xrange": range,
        }
    )
    return names


class _UnicodeType(type):
    def __instancecheck__(cls, value):
        return isinstance(value, str)

    def __subclasscheck__(cls, candidate):
        return issubclass(candidate, str)

    def __call__(cls, value="", encoding="utf-8", errors="strict"):
        return value.decode(encoding, errors) if isinstance(value, (bytes, bytearray)) else str(value)


class _unicode(metaclass=_UnicodeType):
    """`unicode`, both as a type and as a function that also takes a text together with an encoding."""
