"""Imports of one pack: its files are loaded by PackLoader, which converts those of Python 2."""

import builtins
import functools
import importlib
import importlib.machinery
import importlib.util
import os
import re
import sys

from squall_runtime.python2 import modules, semantics, source

_ABSOLUTE_IMPORT = re.compile(rb"^from\s+__future__\s+import\s+[^\n]*\babsolute_import\b", re.MULTILINE)


# Where a directory really is does not change while an action runs; asking costs a call for each part of its path.
real_path = functools.lru_cache(maxsize=None)(os.path.realpath)


class Pack:
    """The pack whose code this process runs. `on_converted(path, reason)` is told of each new conversion."""

    def __init__(self, directory, cache_directory=None, on_converted=None):
        self.directory = os.path.realpath(directory)
        self.cache_directory = cache_directory
        self.on_converted = on_converted or (lambda path, reason: None)
        self.has_python2 = False  # a file of Python 2 has been loaded

    def has(self, path):
        path = real_path(path)
        return path == self.directory or path.startswith(self.directory + os.sep)


class PackLoader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname, path, pack):
        super().__init__(fullname, path)
        self._pack = pack
        self._is_python2 = False

    def get_code(self, fullname):
        path = self.get_filename(fullname)
        try:
            code = super().get_code(fullname)
            reason = source.reason_of_python2(self.get_data(path), path, self._pack.cache_directory)
            if reason is None:
                return code
            return self._converted(path, reason, compiles=True)
        except source.Python2Error:
            raise
        except SyntaxError as error:
            try:
                return self._converted(path, "line %s: %s" % (error.lineno, error.msg), compiles=False)
            except source.Python2Error as failure:
                if isinstance(failure.__cause__, Exception):
                    raise error from None  # it is no Python 2 either: what Python 3 says counts
                raise

    def _converted(self, path, reason, compiles):
        code = source.code_of_python2(
            self.get_data(path),
            path,
            self._pack.cache_directory,
            compiles,
            lambda: self._pack.on_converted(path, reason),
        )
        self._is_python2 = True
        self._pack.has_python2 = True
        return code

    def exec_module(self, module):
        code = self.get_code(module.__name__)
        if self._is_python2:
            data = self.get_data(self.path)
            module.__dict__["__builtins__"] = semantics.namespace(_importer(bool(_ABSOLUTE_IMPORT.search(data))))
            if b"setdefaultencoding" in data and not hasattr(sys, "setdefaultencoding"):
                sys.setdefaultencoding = lambda name: None
        exec(code, module.__dict__)


def _importer(absolute_only):
    """The `__import__` of a Python 2 file: first what stands beside it, then the modules of Python 2, then all others."""

    def python2_import(name, global_names=None, local_names=None, fromlist=(), level=0):
        if level <= 0:
            package = (global_names or {}).get("__package__")
            if package and not absolute_only and _is_in_package(package, name.partition(".")[0]):
                return builtins.__import__(name, global_names, local_names, fromlist, 1)
            found = modules.find(name)
            if found is not None:
                return found
            level = 0
        return builtins.__import__(name, global_names, local_names, fromlist, level)

    return python2_import


def _is_in_package(package, name):
    full_name = "%s.%s" % (package, name)
    if full_name in sys.modules:
        return True
    try:
        return importlib.util.find_spec(full_name) is not None
    except (ImportError, ValueError):
        return False


class _SiblingFinder:
    """Asked last: `import x` in a file of a package of the pack may mean the module x beside it, as it did in Python 2."""

    def __init__(self, pack):
        self._pack = pack

    def find_spec(self, name, path=None, target=None):
        if path is not None or "." in name:
            return None
        frame = sys._getframe(1)
        while frame is not None and "importlib" in frame.f_code.co_filename:
            frame = frame.f_back
        names = frame.f_globals if frame is not None else {}
        package = names.get("__package__")
        if not package or not self._pack.has(names.get("__file__") or os.sep):
            return None
        if not _is_in_package(package, name):
            return None
        return importlib.machinery.ModuleSpec(name, _SameModuleLoader("%s.%s" % (package, name)))


class _SameModuleLoader:
    """Gives a module that has another name a second one."""

    def __init__(self, name):
        self._name = name
        self._spec = None

    def create_module(self, spec):
        module = importlib.import_module(self._name)
        self._spec = module.__spec__
        return module

    def exec_module(self, module):
        module.__spec__ = self._spec


def install(pack):
    """From now on the modules below the pack's directory are loaded as above."""

    def hook(path):
        if not pack.has(path):
            raise ImportError("not in the pack", path=path)
        return importlib.machinery.FileFinder(
            path,
            (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES),
            (lambda name, file: PackLoader(name, file, pack), importlib.machinery.SOURCE_SUFFIXES),
        )

    sys.path_hooks.insert(0, hook)
    for path in list(sys.path_importer_cache):
        if pack.has(path):
            del sys.path_importer_cache[path]
    sys.meta_path.append(_SiblingFinder(pack))
