"""Is this file Python 2? And its text as Python 3."""

import ast
import functools
import io
import os
import re
import sys
import tokenize
import warnings

from squall_runtime.python2 import semantics
from squall_runtime.python2.modules import PYTHON2_ONLY, exists

# Part of the name of a kept conversion: to be raised when conversions come out otherwise.
_FORMAT = "1"

# Those of lib2to3 that change the text and leave its lines where they are. What has to do with imports is done when the
# import is carried out (imports.py).
_FIXERS = (
    "apply dict except exec exitfunc filter funcattrs future getcwdu has_key input isinstance itertools "
    "itertools_imports map metaclass methodattrs ne next nonzero numliterals paren print raise raw_input renames repr "
    "standarderror sys_exc throw tuple_params types xrange xreadlines zip"
).split()

# Without one of these words a file that compiles is Python 3.
_HINTS = re.compile(
    rb"\bprint *>>|\b(iteritems|iterkeys|itervalues|has_key|urllib|itertools|string|%s)\b"
    % "|".join(sorted(PYTHON2_ONLY | semantics.GONE_BUILTINS)).encode()
)
_DICT_METHODS = {"iteritems", "iterkeys", "itervalues", "has_key"}
_PRINT_TO_FILE = re.compile(r"\bprint *>>")
# A file with one of these looks after both versions by itself.
_BOTH_VERSIONS = re.compile(rb"\b(version_info|hexversion|python_version|PY2|PY3|NameError)\b")


class Python2Error(SyntaxError):
    """A file of Python 2 that cannot be converted here."""


def reason_of_python2(data, path, cache_directory=None):
    """Why a file that compiles as Python 3 is Python 2 all the same; None when it is not."""
    if not _HINTS.search(data):
        return None
    known = _kept_path(data, cache_directory, ".python3")
    if known is not None and os.path.exists(known):
        return None
    reason = _reason(data, path)
    if reason is None:
        _keep(known, "")
    return reason


def _reason(data, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(data, path)
    looks_after_both = bool(_BOTH_VERSIONS.search(data))
    bound = _bound_names(tree)
    for node, guarded in _walk(tree, False):
        if isinstance(node, (ast.Import, ast.ImportFrom)) and not guarded and not looks_after_both:
            for name in _imported(node):
                if name in PYTHON2_ONLY and not exists(name):
                    return "imports %s" % name
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.RShift) and _is_print(node.left):
            return "prints with >>"
        elif looks_after_both:
            continue
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if node.id in semantics.GONE_BUILTINS and node.id not in bound:
                return "uses %s" % node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = "%s.%s" % (node.value.id, node.attr)
            if name in PYTHON2_ONLY and not exists(name):
                return "uses %s" % name
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _DICT_METHODS:
            if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "six"):
                return "calls %s()" % node.func.attr
    return None


def _is_print(node):
    return isinstance(node, ast.Name) and node.id == "print"


def _walk(node, guarded):
    """All nodes, each with whether a handler stands ready for a failing import."""
    yield node, guarded
    if isinstance(node, ast.Try):
        inside = guarded or any(_catches_import(handler) for handler in node.handlers)
        for child in node.body:
            yield from _walk(child, inside)
        # The handler is the other half of the same precaution.
        for child in node.handlers:
            yield from _walk(child, inside)
        for child in node.orelse + node.finalbody:
            yield from _walk(child, guarded)
        return
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, guarded)


def _catches_import(handler):
    if handler.type is None:
        return True
    names = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
    return bool(names & {"ImportError", "ModuleNotFoundError", "Exception"})


def _imported(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if node.level or not node.module:
        return []
    return [node.module] + ["%s.%s" % (node.module, alias.name) for alias in node.names]


def _bound_names(tree):
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    return names


def code_of_python2(data, path, cache_directory, compiles, on_converted):
    """The code of a Python 2 file. Python2Error when that cannot be; `on_converted` is called when there was no kept
    conversion yet.
    """
    kept = _kept_path(data, cache_directory)
    text = _read(kept)
    if text is None:
        text = convert(data, path, compiles)
        if _keep(kept, text):
            on_converted()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text, path)
        tree = semantics.apply(tree, true_division=b"division" in data and bool(_FUTURE_DIVISION.search(data)))
        return compile(tree, path, "exec", dont_inherit=True)


_FUTURE_DIVISION = re.compile(rb"^from\s+__future__\s+import\s+[^\n]*\bdivision\b", re.MULTILINE)


def convert(data, path, compiles=False):
    """The text as Python 3. `compiles`: it does as it is, so that print is a function in it."""
    text = _decode(data, path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        attempts = [True] if compiles and not _PRINT_TO_FILE.search(text) else [False, True]
        for print_is_function in attempts:
            try:
                tool = _tool(print_is_function)
            except ImportError:
                raise Python2Error(
                    "%s is written for Python 2, and this interpreter (%s) has no lib2to3 to convert it. Install Debian's package "
                    "python3-lib2to3, run squall with Python 3.11 or 3.12, or convert the file by hand." % (path, sys.executable)
                ) from None
            try:
                return _with_even_indentation(str(tool.refactor_string(text, path)), path)
            except Exception as error:  # lib2to3 raises whatever its tokenizer and parser do
                failure = error
    raise Python2Error("%s cannot be converted from Python 2: %s" % (path, failure)) from failure


@functools.lru_cache(maxsize=None)
def _tool(print_is_function):
    from lib2to3.refactor import RefactoringTool

    fixers = [name for name in _FIXERS if not (print_is_function and name == "print")]
    return RefactoringTool(["lib2to3.fixes.fix_" + name for name in fixers], {"print_function": print_is_function})


def _decode(data, path):
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError):
        text = data.decode("latin-1")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.endswith("\n") else text + "\n"


def _with_even_indentation(text, path):
    """Python 2 takes a tab at the start of a line for the way to the next multiple of eight; Python 3 refuses a mixture."""
    try:
        compile(text, path, "exec", dont_inherit=True)
        return text
    except TabError:
        pass
    lines = text.split("\n")
    inside_strings = set()
    from lib2to3.pgen2 import tokenize as tokenize2

    for kind, _, start, end, _ in tokenize2.generate_tokens(io.StringIO(text).readline):
        if kind == tokenize2.STRING:
            inside_strings.update(range(start[0] + 1, end[0] + 1))
    for index, line in enumerate(lines):
        if index + 1 in inside_strings:
            continue
        content = line.lstrip(" \t\f")
        lines[index] = line[: len(line) - len(content)].replace("\f", "").expandtabs(8) + content
    text = "\n".join(lines)
    compile(text, path, "exec", dont_inherit=True)
    return text


def _kept_path(data, directory, ending=".py"):
    if not directory:
        return None
    key = ("%s %d.%d\n" % ((_FORMAT,) + sys.version_info[:2])).encode() + data
    import hashlib

    return os.path.join(directory, hashlib.sha256(key).hexdigest() + ending)


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, TypeError, UnicodeDecodeError):
        return None


def _keep(path, text):
    """True when it is kept. Where that fails (a full disk) the file is converted again the next time."""
    if path is None:
        return True
    import tempfile

    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError:
        return False
    return True
