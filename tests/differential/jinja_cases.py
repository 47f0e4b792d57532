"""Random Jinja templates over random data, for StackStorm's environment with Jinja's own filters."""

import random

from yaql_cases import WORDS, damage, random_data

FILTERS = [
    ("abs", []), ("attr", ["str"]), ("batch", ["small", "any?"]), ("capitalize", []), ("center", ["small?"]), ("count", []), ("default", ["any", "bool?"]),
    ("dictsort", ["bool?"]), ("e", []), ("escape", []), ("filesizeformat", ["bool?"]), ("first", []), ("float", ["num?"]), ("forceescape", []),
    ("groupby", ["name"]), ("indent", ["small?", "bool?"]), ("int", ["num?"]), ("items", []), ("join", ["str?", "name?"]), ("last", []),
    ("length", []), ("list", []), ("lower", []), ("max", []), ("min", []), ("pprint", []), ("reject", ["test?"]), ("rejectattr", ["name", "test?"]),
    ("replace", ["str", "str", "small?"]), ("reverse", []), ("round", ["small?"]), ("safe", []), ("select", ["test?"]), ("selectattr", ["name", "test?"]),
    ("slice", ["small", "any?"]), ("sort", ["bool?"]), ("string", []), ("striptags", []), ("sum", []), ("title", []), ("tojson", []), ("trim", ["str?"]),
    ("truncate", ["small?", "bool?"]), ("unique", []), ("upper", []), ("urlencode", []), ("wordcount", []), ("wordwrap", ["width?"]), ("xmlattr", []),
    ("map", ["mapped"]), ("format", ["any?", "any?"]), ("urlize", []),
]
TESTS = ["defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping", "sequence", "iterable", "odd", "even", "true", "false",
         "lower", "upper", "callable", "in [1, 2]", "eq 1", "divisibleby 2", "sameas none", "ge 2", "escaped"]
STR_METHODS = [("upper", []), ("lower", []), ("split", ["str?"]), ("strip", ["str?"]), ("replace", ["str", "str"]), ("startswith", ["str"]), ("endswith", ["str"]),
               ("find", ["str"]), ("count", ["str"]), ("join", ["list"]), ("title", []), ("isdigit", []), ("zfill", ["small"]), ("format", ["any", "any?"]),
               ("splitlines", []), ("partition", ["str"]), ("index", ["str"]), ("swapcase", []), ("center", ["small"]), ("rjust", ["small"])]
DICT_METHODS = [("keys", []), ("values", []), ("items", []), ("get", ["str", "any?"])]
NAMES = ["n", "f", "s", "t", "l", "w", "z", "d", "vms", "x", "nope"]


class Generator:
    def __init__(self, rng):
        self.rng = rng
        self.names = list(NAMES)

    def text(self, word):
        mark = self.rng.choice("'\"")
        return mark + word.replace("\\", "\\\\").replace(mark, "\\" + mark) + mark

    def leaf(self, kind):
        rng = self.rng
        if kind == "any":
            kind = rng.choice(["num", "str", "list", "dict", "bool", "name_ref", "none"])
        return {
            "num": lambda: rng.choice([str(rng.randrange(-3, 20)), "1.5", "n", "f", "0", "2 ** 70", "1e3"]), "small": lambda: str(rng.randrange(-1, 12)),
            "width": lambda: str(rng.randrange(1, 20)), "str": lambda: rng.choice([self.text(rng.choice(WORDS + ["<b>x</b>", "%s-%s", "{}", "a\nb"])), "s", "w[0]"]),
            "bool": lambda: rng.choice(["true", "false", "t"]), "none": lambda: "none",
            "list": lambda: rng.choice(["[]", "[1, 2, 3]", "l", "w", "vms", "range(4)", "['b', 'A', 'c']", "[3, 1, 2, 1]", "[[1, 2], [3]]", "(1, 2)", "x"]),
            "dict": lambda: rng.choice(["{}", "{'a': 1}", "d", "vms[0]", "{'b': 2, 'a': [1]}", "{1: 'one'}", "x"]),
            "name": lambda: self.text(rng.choice(["name", "id", "up", "zz"])), "name_ref": lambda: rng.choice(self.names),
            "test": lambda: self.text(rng.choice(["odd", "none", "string", "defined", "even"])),
            "mapped": lambda: rng.choice(["'upper'", "attribute='name'", "'length'", "'int'", "attribute='zz', default=1", "'string'"]),
        }[kind]()

    def arguments(self, kinds, depth):
        out = []
        for kind in kinds:
            if kind.endswith("?"):
                if self.rng.random() < 0.6:
                    break
                kind = kind[:-1]
            out.append(self.leaf(kind) if kind in ("name", "test", "mapped", "small", "width") else self.expression(kind, depth - 1))
        return "(" + ", ".join(out) + ")" if out or self.rng.random() < 0.1 else ""

    def expression(self, kind, depth):
        rng = self.rng
        if depth <= 0:
            return self.leaf(kind)
        roll = rng.random()
        if roll < 0.4:
            name, kinds = rng.choice(FILTERS)
            return self.operand(rng.choice(["any", "list", "str", "dict", "num"]), depth - 1) + "|" + name + self.arguments(kinds, depth)
        if roll < 0.55:
            methods, receiver = rng.choice([(STR_METHODS, "str"), (DICT_METHODS, "dict")])
            name, kinds = rng.choice(methods)
            return self.operand(receiver, depth - 1) + "." + name + (self.arguments(kinds, depth) or "()")
        if roll < 0.75:
            return rng.choice([
                lambda: self.operand("num", depth - 1) + rng.choice([" + ", " - ", " * ", " / ", " // ", " % "]) + self.operand("num", depth - 1),
                lambda: self.operand("any", depth - 1) + rng.choice([" == ", " != ", " < ", " > ", " <= ", " >= ", " ~ ", " and ", " or ", " in ", " not in "]) +
                self.operand("any", depth - 1),
                lambda: self.operand("str", depth - 1) + " % " + self.operand("any", depth - 1),
                lambda: self.operand("any", depth - 1) + " is " + rng.choice(["", "not "]) + rng.choice(TESTS),
                lambda: "not " + self.operand("any", depth - 1), lambda: "-" + self.operand("num", depth - 1),
                lambda: self.operand("any", depth - 1) + " if " + self.expression("any", depth - 1) + " else " + self.operand("any", depth - 1),
                lambda: self.operand("list", depth - 1) + rng.choice(["[0]", "[-1]", "[1:]", "[::-1]", "[:2]", "[9]", "['a']"]),
                lambda: self.operand("dict", depth - 1) + rng.choice([".a", "['b']", ".zz", "['zz']", ".name"]),
                lambda: "[" + self.expression("any", depth - 1) + ", " + self.expression("any", depth - 1) + "]",
                lambda: "{" + self.leaf("str") + ": " + self.expression("any", depth - 1) + "}",
            ])()
        return self.leaf(kind)

    def operand(self, kind, depth):
        text = self.expression(kind, depth)
        return text if " " not in text or self.rng.random() < 0.2 else "(" + text + ")"

    def tag(self, inside):
        rng = self.rng
        return "{%" + rng.choice(["", "", "-", "+"]) + " " + inside + " " + rng.choice(["", "", "-"]) + "%}"

    def template(self, depth):
        rng = self.rng
        return "".join(self.piece(depth) for _ in range(rng.randrange(1, 4)))

    def piece(self, depth):
        rng = self.rng
        roll = rng.random()
        if depth <= 0 or roll < 0.5:
            return "{{ " + self.expression("any", rng.randrange(1, 4)) + " }}"
        if roll < 0.6:
            return rng.choice(["text ", "\n", "  ", "a\nb", "{# note #}", "%}"])
        if roll < 0.72:
            name = rng.choice(["i", "v", "k, v"])
            self.names.extend(["i", "v", "k", "loop.index", "loop.last"])
            body = self.template(depth - 1)
            rest = self.tag("else") + "none" if rng.random() < 0.2 else ""
            return self.tag(f"for {name} in {self.expression('list', 2)}" + rng.choice(["", "", " if loop is defined"])) + body + rest + self.tag("endfor")
        if roll < 0.84:
            return self.tag("if " + self.expression("any", 2)) + self.template(depth - 1) + self.tag("else") + self.template(depth - 1) + self.tag("endif")
        if roll < 0.92:
            return self.tag("set y = " + self.expression("any", 2)) + "{{ y }}"
        if roll < 0.96:
            return self.tag("macro m(a, b=2)") + "[{{ a }}{{ b }}]" + self.tag("endmacro") + "{{ m(" + self.expression("any", 1) + ") }}"
        return self.tag("filter upper") + self.template(depth - 1) + self.tag("endfilter")


def make_case(seed):
    rng = random.Random(seed)
    generator = Generator(rng)
    text = generator.template(2)
    if rng.random() < 0.12:
        text = damage(rng, text)
    data = {"n": rng.choice([7, 0, -2, 100]), "f": rng.choice([2.5, -0.5, 3.0]), "s": rng.choice(WORDS), "t": rng.random() < 0.5,
            "l": [rng.randrange(-3, 6) for _ in range(rng.randrange(6))], "w": rng.sample(WORDS, 3), "z": None, "d": {"a": 1, "b": [2, {"k": "v"}], "c": None},
            "vms": [{"id": i, "name": rng.choice(WORDS), "up": rng.random() < 0.5} for i in range(3)], "x": random_data(rng)}
    return {"env": "stackstorm", "text": text[:600], "context": data}
