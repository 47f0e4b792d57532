"""Runs the tests of a pack: `python run_tests.py PACK [names of tests, options of unittest]`.

They find the pack's actions, sensors, libraries and each other as under StackStorm's st2-run-pack-tests; files of Python 2 are converted.
"""

import os
import sys
import unittest


def arrange_path(pack):
    """This runtime first, then what belongs to the pack; what StackStorm's own environment would have comes last."""
    runtime = os.path.dirname(os.path.abspath(__file__))
    folders = ["actions", "actions/lib", "sensors", "sensors/lib", "lib", "etc", "tests", "."]
    own = [os.path.normpath(os.path.join(pack, folder)) for folder in folders]
    rest = [path for path in sys.path if path not in own and os.path.abspath(path or ".") != runtime]
    sys.path[:] = [runtime] + [path for path in own if os.path.isdir(path)] + rest + [os.path.join(runtime, "fallbacks")]


def main():
    if len(sys.argv) < 2 or not os.path.isfile(os.path.join(sys.argv[1], "pack.yaml")):
        sys.exit("usage: run_tests.py PACK [TEST...]: %s has no pack.yaml" % (sys.argv[1] if len(sys.argv) > 1 else "nothing"))
    pack = os.path.realpath(sys.argv[1])
    tests = os.path.join(pack, "tests")
    if not os.path.isdir(tests):
        sys.exit("%s has no tests: there is no directory tests/" % pack)
    arrange_path(pack)

    from squall_runtime import absent, jsonable, text_base64
    from squall_runtime.python2 import imports

    absent.install()
    jsonable.install_bytes()
    text_base64.install()
    imports.install(imports.Pack(pack, None, lambda path, reason: print("converted from Python 2: %s (%s)" % (path, reason))))
    more = sys.argv[2:]
    os.chdir(pack)
    named = [argument for argument in more if not argument.startswith("-")]
    arguments = [sys.argv[0]] + (more if named else ["discover", "-s", tests, "-t", tests] + more)
    unittest.main(module=None, argv=arguments)


if __name__ == "__main__":
    main()
