"""What the real engines answer: cases as lines of JSON on standard input, answers as lines of JSON on standard output.

Runs with the Python that has yaql and jinja2. An answer is {"value"}, {"error": {"type", "message"}} or {"skip": reason}.
"""

import collections.abc  # noqa: F401 (yaql uses it without importing it)
import datetime
import json
import re
import signal
import sys
import warnings

sys.setrecursionlimit(4000)
warnings.simplefilter("ignore")
SECONDS_MAX = 2


class TooSlow(BaseException):
    pass


def too_slow(*_):
    raise TooSlow


def tag(value, depth=0):
    """JSON, with $type where JSON has no word, as `squall expr --batch` writes it."""
    if depth > 60:
        raise RecursionError
    if value is None or isinstance(value, (bool, str)):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, int):
        return value if -2**63 <= value < 2**63 else {"$type": "int", "repr": repr(value)}
    if isinstance(value, float):
        return value if value - value == 0 else {"$type": "float", "repr": repr(value)}
    if isinstance(value, list):
        return [tag(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): tag(member, depth + 1) for key, member in value.items()}
    if isinstance(value, tuple):
        return {"$type": "tuple", "repr": "", "items": [tag(item, depth + 1) for item in value]}
    if isinstance(value, (set, frozenset)):
        return {"$type": "set", "repr": "", "items": [tag(item, depth + 1) for item in value]}
    if isinstance(value, datetime.datetime):
        return {"$type": "datetime", "repr": "", "iso": value.isoformat()}
    if isinstance(value, datetime.timedelta):
        return {"$type": "timedelta", "repr": "", "microseconds": value // datetime.timedelta(microseconds=1)}
    return {"$type": type(value).__name__, "repr": repr(value)}


class Yaql:
    def __init__(self):
        import yaql
        from yaql.language import utils
        self.engine = yaql.YaqlFactory().create(options={"yaql.convertTuplesToLists": True, "yaql.convertSetsToLists": False})
        self.root = yaql.create_context()
        self.convert = utils.convert_input_data
        self.iterator = utils.is_iterator

    def __call__(self, case):
        expression = self.engine(case["text"])
        context = self.root.create_child_context()
        context["$"] = self.convert(case["context"])
        result = expression.evaluate(context=context)
        return list(result) if self.iterator(result) else result


class Jinja:
    def __init__(self):
        from jinja2 import StrictUndefined
        from jinja2.sandbox import SandboxedEnvironment
        from stackstorm_filters import FILTERS
        self.environment = SandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        self.environment.filters.update(FILTERS)

        def in_(item, list):  # StackStorm has its own, whose name shows in messages
            return item in list

        self.environment.tests["in"] = in_

    def __call__(self, case):
        return self.environment.from_string(case["text"]).render(**case["context"])


class UnfoldedJinja(Jinja):
    """Without the folding of constants, which lets mistakes in branches that never run fail when compiling."""

    def __init__(self):
        super().__init__()
        self.environment.optimized = False
        from jinja2 import compiler, nodes

        class Generator(compiler.CodeGenerator):
            def _output_child_to_const(self, node, frame, finalize):
                if not isinstance(node, nodes.TemplateData):
                    raise nodes.Impossible
                return super()._output_child_to_const(node, frame, finalize)

        self.environment.code_generator_class = Generator


def answer(engine, case):
    try:
        signal.setitimer(signal.ITIMER_REAL, SECONDS_MAX)
        try:
            return {"value": tag(engine(case))}
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except TooSlow:
        return {"skip": "slow"}
    except (RecursionError, MemoryError):
        return {"skip": "recursion"}
    except Exception as error:  # every failure is an answer
        return {"error": {"type": type(error).__name__, "message": str(getattr(error, "message", None) or error)}}


def main():
    signal.signal(signal.SIGALRM, too_slow)
    engines = {"yaql": Yaql, "stackstorm": Jinja, "unfolded": UnfoldedJinja}
    made = {}
    for line in sys.stdin:
        case = json.loads(line)
        name = case["env"]
        if name not in made:
            made[name] = engines[name]()
        reply = answer(made[name], case)
        if re.search(r"0x[0-9a-f]{8,}|<\w+ object|random\(|now\(", json.dumps(reply) + case["text"], re.IGNORECASE):
            reply = {"skip": "chance"}
        print(json.dumps(reply))


main()
