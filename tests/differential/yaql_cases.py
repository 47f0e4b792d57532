"""Random YAQL expressions over random data: mostly of fitting types, now and then not, now and then no YAQL at all."""

import random

WORDS = ["a", "b", "key", "name", "zz", "Hello World", "", " x ", "naïve ☃", "a,b,c", "AbC", "12", "-3.5", "true", "2020-01-02"]
KEYS = ["a", "b", "c", "n", "s", "l", "d", "f", "t", "vms", "zz"]
# receiver, name, argument types (a trailing ? may be left out, L is a lambda over elements, P a predicate), result
METHODS = [
    ("str", "len", [], "int"), ("str", "toUpper", [], "str"), ("str", "toLower", [], "str"),
    ("str", "split", ["str?", "int?"], "list"), ("str", "rightSplit", ["str?", "int?"], "list"),
    ("str", "trim", ["str?"], "str"), ("str", "trimLeft", ["str?"], "str"), ("str", "trimRight", ["str?"], "str"),
    ("str", "norm", ["str?"], "str"), ("str", "isEmpty", ["bool?", "str?"], "bool"),
    ("str", "replace", ["str", "str", "int?"], "str"), ("str", "replace", ["dict", "int?"], "str"),
    ("str", "substring", ["int", "int?"], "str"), ("str", "indexOf", ["str", "int?", "int?"], "int"),
    ("str", "lastIndexOf", ["str", "int?", "int?"], "int"), ("str", "toCharArray", [], "list"),
    ("str", "startsWith", ["str", "str?"], "bool"), ("str", "endsWith", ["str", "str?"], "bool"),
    ("str", "matches", ["re"], "bool"), ("str", "join", ["list"], "str"), ("list", "join", ["str"], "str"),
    ("list", "len", [], "int"), ("list", "count", [], "int"), ("list", "first", ["any?"], "any"), ("list", "last", ["any?"], "any"),
    ("list", "single", [], "any"), ("list", "where", ["P"], "list"), ("list", "filter", ["P"], "list"),
    ("list", "select", ["L"], "list"), ("list", "map", ["L"], "list"), ("list", "selectMany", ["L"], "list"),
    ("list", "skip", ["int"], "list"), ("list", "limit", ["int"], "list"), ("list", "take", ["int"], "list"),
    ("list", "append", ["any", "any?"], "list"), ("list", "distinct", ["L?"], "list"), ("list", "enumerate", ["int?"], "list"),
    ("list", "any", ["P?"], "bool"), ("list", "all", ["P?"], "bool"), ("list", "concat", ["list"], "list"),
    ("list", "sum", ["any?"], "any"), ("list", "max", ["any?"], "any"), ("list", "min", ["any?"], "any"),
    ("list", "orderBy", ["L"], "list"), ("list", "orderByDescending", ["L"], "list"), ("list", "groupBy", ["L", "L?", "L?"], "list"),
    ("list", "zip", ["list"], "list"), ("list", "zipLongest", ["list"], "list"), ("list", "takeWhile", ["P"], "list"),
    ("list", "skipWhile", ["P"], "list"), ("list", "indexOf", ["any"], "int"), ("list", "lastIndexOf", ["any"], "int"),
    ("list", "indexWhere", ["P"], "int"), ("list", "lastIndexWhere", ["P"], "int"), ("list", "slice", ["int"], "list"),
    ("list", "splitWhere", ["P"], "list"), ("list", "sliceWhere", ["L"], "list"), ("list", "splitAt", ["int"], "list"),
    ("list", "aggregate", ["L2", "any?"], "any"), ("list", "reduce", ["L2", "any?"], "any"), ("list", "accumulate", ["L2", "any?"], "list"),
    ("list", "reverse", [], "list"), ("list", "toList", [], "list"), ("list", "toSet", [], "set"), ("list", "flatten", [], "list"),
    ("list", "contains", ["any"], "bool"), ("list", "delete", ["int", "int?"], "list"), ("list", "replace", ["int", "any", "int?"], "list"),
    ("list", "replaceMany", ["int", "list", "int?"], "list"), ("list", "insert", ["int", "any"], "list"),
    ("list", "insertMany", ["int", "list"], "list"), ("list", "toDict", ["L", "L?"], "dict"), ("list", "memorize", [], "list"),
    ("list", "defaultIfEmpty", ["list"], "list"), ("list", "join", ["list", "P2", "L2"], "list"), ("list", "unpack", [], "ctx"),
    ("list", "assert", ["P"], "list"), ("any", "repeat", ["small"], "list"), ("int", "switchCase", ["any", "any?"], "any"),
    ("dict", "get", ["key", "any?"], "any"), ("dict", "set", ["key", "any"], "dict"), ("dict", "set", ["dict"], "dict"),
    ("dict", "keys", [], "set"), ("dict", "values", [], "list"), ("dict", "items", [], "list"), ("dict", "len", [], "int"),
    ("dict", "containsKey", ["key"], "bool"), ("dict", "containsValue", ["any"], "bool"), ("dict", "delete", ["key", "key?"], "dict"),
    ("dict", "deleteAll", ["list"], "dict"), ("dict", "mergeWith", ["dict", "L2?", "L2?", "int?"], "dict"),
    ("set", "len", [], "int"), ("set", "union", ["set"], "set"), ("set", "intersect", ["set"], "set"), ("set", "difference", ["set"], "set"),
    ("set", "symmetricDifference", ["set"], "set"), ("set", "add", ["any"], "set"), ("set", "remove", ["any"], "set"), ("set", "toList", [], "list"),
    ("set", "contains", ["any"], "bool"), ("set", "orderBy", ["L"], "list"),
    ("re", "matches", ["str"], "bool"), ("re", "search", ["str", "M?"], "any"), ("re", "searchAll", ["str", "M?"], "list"),
    ("re", "split", ["str", "int?"], "list"), ("re", "replace", ["str", "str", "int?"], "str"), ("re", "replaceBy", ["str", "M", "int?"], "str"),
    ("date", "format", ["fmt"], "str"), ("date", "replace", ["int", "int?", "int?"], "date"),
]
FUNCTIONS = [
    ("int", ["any"], "int"), ("float", ["any"], "float"), ("str", ["any"], "str"), ("bool", ["any"], "bool"), ("abs", ["num"], "num"),
    ("round", ["num", "int?"], "num"), ("sign", ["num"], "int"), ("max", ["any", "any"], "any"), ("min", ["any", "any"], "any"),
    ("pow", ["small", "small", "int?"], "num"), ("bitwiseAnd", ["int", "int"], "int"), ("bitwiseOr", ["int", "int"], "int"),
    ("bitwiseXor", ["int", "int"], "int"), ("bitwiseNot", ["int"], "int"), ("shiftBitsLeft", ["int", "small"], "int"),
    ("shiftBitsRight", ["int", "small"], "int"), ("isInteger", ["any"], "bool"), ("isNumber", ["any"], "bool"), ("isString", ["any"], "bool"),
    ("isBoolean", ["any"], "bool"), ("isList", ["any"], "bool"), ("isDict", ["any"], "bool"), ("isSet", ["any"], "bool"),
    ("isIterable", ["any"], "bool"), ("isRegex", ["any"], "bool"), ("isDatetime", ["any"], "bool"), ("isTimespan", ["any"], "bool"),
    ("len", ["any"], "int"), ("concat", ["str", "str", "str?"], "str"), ("hex", ["int"], "str"), ("escapeRegex", ["str"], "str"),
    ("coalesce", ["any", "any", "any?"], "any"), ("selectCase", ["bool", "bool?"], "int"), ("selectAllCases", ["bool", "bool?"], "list"),
    ("examine", ["any", "any?"], "list"), ("list", ["any", "any?", "list?"], "list"), ("set", ["any", "any?", "any?"], "set"),
    ("dict", ["pairs"], "dict"), ("range", ["small"], "list"), ("range", ["small", "small", "int?"], "list"), ("regex", ["pattern", "bool?"], "re"),
    ("isEmpty", ["any"], "bool"), ("norm", ["any"], "any"), ("any", ["list", "P?"], "bool"), ("all", ["list", "P?"], "bool"),
    ("datetime", ["year", "month", "int?"], "date"), ("datetime", ["num"], "date"), ("datetime", ["datetext"], "date"),
    ("datetime", ["datetext", "fmt"], "date"), ("timespan", ["int?", "int?", "int?"], "span"), ("enumerate", ["list"], "list"),
    ("distinct", ["list"], "list"), ("append", ["list", "any"], "list"), ("generate", ["small", "G", "L", "L?", "bool?"], "list"),
    ("random", [], "bool?"),
]
PROPERTIES = {"date": ["year", "month", "day", "hour", "minute", "second", "microsecond", "weekday", "date", "time", "utc", "offset", "timestamp"],
              "span": ["days", "hours", "minutes", "seconds", "milliseconds", "microseconds"]}


def random_data(rng, depth=0):
    kind = rng.randrange(10 if depth < 3 else 6)
    if kind == 0:
        return None
    if kind == 1:
        return rng.random() < 0.5
    if kind == 2:
        return rng.choice([0, 1, -1, 2, 7, 10, 255, 2**31, 2**70, -(2**65)])
    if kind == 3:
        return rng.choice([0.0, 1.0, 2.5, -3.25, 1e16, 0.1, 1e-7])
    if kind in (4, 5):
        return rng.choice(WORDS)
    if kind in (6, 7):
        return [random_data(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice(KEYS): random_data(rng, depth + 1) for _ in range(rng.randrange(4))}


def base_data(rng):
    data = {"n": rng.choice([7, 0, -2, 100]), "f": rng.choice([2.5, -0.5, 3.0]), "s": rng.choice(WORDS), "t": rng.random() < 0.5,
            "l": [rng.randrange(-3, 6) for _ in range(rng.randrange(6))], "w": rng.sample(WORDS, 3), "z": None,
            "d": {"a": 1, "b": [2, {"k": "v"}], "c": None},
            "vms": [{"id": i, "name": rng.choice(WORDS), "tags": rng.sample(WORDS, 2), "up": rng.random() < 0.5} for i in range(3)]}
    data["x"] = random_data(rng)
    return data


class Generator:
    def __init__(self, rng):
        self.rng = rng
        self.lambdas = 0

    def pick(self, *choices):
        return self.rng.choice(choices)()

    def expression(self, kind, depth):
        if self.rng.random() < 0.06:
            kind = self.rng.choice(["int", "str", "list", "dict", "bool", "float", "date", "span", "set", "null", "re"])
        make = getattr(self, "make_" + kind, None)
        if depth <= 0:
            return self.leaf(kind)
        roll = self.rng.random()
        if roll < 0.45:
            by_method = [m for m in METHODS if m[3] == kind or (kind == "any") or (kind == "num" and m[3] in ("int", "num"))]
            if by_method:
                return self.method(self.rng.choice(by_method), depth)
        if roll < 0.6:
            by_function = [f for f in FUNCTIONS if f[2] == kind or kind == "any" or (kind == "num" and f[2] in ("int", "float", "num"))]
            if by_function:
                return self.function(self.rng.choice(by_function), depth)
        if make is not None and roll < 0.92:
            return make(depth)
        return self.leaf(kind)

    def leaf(self, kind):
        rng = self.rng
        if self.lambdas and rng.random() < 0.5:
            return rng.choice(["$", "$", "$1", "$.name", "$.id", "$[0]", "$2", "$x"])
        if kind in ("any", "key"):
            kind = rng.choice(["int", "str", "bool", "null", "list", "dict", "float"]) if kind == "any" else "str"
        if kind == "num":
            kind = rng.choice(["int", "float"])
        leaves = {
            "int": lambda: rng.choice([str(rng.randrange(-3, 12)), "$.n", "$.l.len()", str(2**64), "$.d.a"]),
            "small": lambda: str(rng.randrange(-2, 7)),
            "float": lambda: rng.choice(["1.5", "0.0", "2.0", "-0.5", "$.f", "3.75"]),
            "str": lambda: rng.choice([self.quote(rng.choice(WORDS)), "$.s", rng.choice(KEYS), "$.w[0]"]),
            "bool": lambda: rng.choice(["true", "false", "$.t"]),
            "null": lambda: rng.choice(["null", "$.z", "$.nope?.x", "$nope"]),
            "list": lambda: rng.choice(["[]", "[1, 2, 3]", "$.l", "$.w", "$.vms", "[b, a, c]", "[3, 1, 2, 1]", "[[1, 2], [3]]", "[1, a, null]", "range(4)",
                                        "$.vms.tags", "$.x"]),
            "dict": lambda: rng.choice(["{}", "{a => 1}", "{a => 1, b => [2]}", "$.d", "$", "{1 => 2}", "{a => {b => 1}}", "$.vms[0]", "$.x"]),
            "set": lambda: rng.choice(["set()", "set(1, 2, 3)", "set(2, 5)", "[1, 2, 2].toSet()", "set(a)", "{a => 1}.keys()"]),
            "re": lambda: "regex(" + self.pattern() + rng.choice(["", "", ", true", ", ignoreCase => true"]) + ")",
            "pattern": self.pattern,
            "date": lambda: rng.choice(["datetime(2020, 2, 29)", "datetime(1999, 12, 31, 23, 59, 58, 5)", "datetime(2020, 1, 2, offset => timespan(hours => 2))",
                                        "datetime('2021-03-04T05:06:07+01:00')", "datetime(0)"]),
            "span": lambda: rng.choice(["timespan()", "timespan(days => 1, hours => 2)", "timespan(microseconds => -5)", "timespan(minutes => 90)"]),
            "year": lambda: rng.choice(["2020", "1970", "1", "9999", "0"]), "month": lambda: str(rng.randrange(0, 14)),
            "datetext": lambda: self.quote(rng.choice(["2020-01-02", "2020-01-02T03:04:05Z", "Jan 5 2021 10:00", "10:30", "nope", "20200102", "2020-13-01",
                                                        "Thu, 25 Sep 2003 10:49:41 -0300"])),
            "fmt": lambda: self.quote(rng.choice(["%Y-%m-%d", "%d/%m/%y %H:%M:%S", "%A %b %j", "%Y-%m-%dT%H:%M:%S%z", "%q", "%%", "", "%f", "%I %p"])),
            "pairs": lambda: rng.choice(["[[a, 1], [b, 2]]", "[[1, 2]]", "$.vms.select([$.id, $.name])", "[[1]]", "a => 1, b => 2", ""]),
        }
        make = leaves.get(kind)
        return make() if make else "null"

    def quote(self, text):
        mark = self.rng.choice("'\"`")
        return mark + text.replace("\\", "\\\\").replace(mark, "\\" + mark) + mark

    def pattern(self):
        return self.quote(self.rng.choice(["a", "[a-z]+", "^H", "(l+)", "(.)(.)", "\\d+", "x*", "(?i)abc", "(a|b)", "(", "o$"]))

    def argument(self, kind, depth):
        if kind in ("L", "P", "L2", "P2", "M", "G"):
            self.lambdas += 1
            if kind == "G":
                text = "$ < " + str(self.rng.randrange(2, 9))
            elif kind in ("L2", "P2") and self.rng.random() < 0.7:
                text = self.rng.choice(["$1 + $2", "$1 = $2", "$2", "[$1, $2]", "$1 < $2", "$1.len() + $2"])
            elif kind == "M" and self.rng.random() < 0.8:
                text = self.rng.choice(["$.value", "$.start", "$1.end", "$2.value", "str($.start)", "$"])
            else:
                text = self.expression("bool" if kind in ("P", "P2") else "any", depth - 1)
            self.lambdas -= 1
            return text
        return self.expression(kind, depth - 1)

    def arguments(self, kinds, depth):
        out = []
        for kind in kinds:
            if kind.endswith("?"):
                if self.rng.random() < 0.6:
                    break
                kind = kind[:-1]
            out.append(self.argument(kind, depth))
        if self.rng.random() < 0.02:
            out.append(self.rng.choice(["1", "zz => 1", "count => 1", "start => 0"]))
        if out and self.rng.random() < 0.01:
            out.pop(self.rng.randrange(len(out)))
        return ", ".join(out)

    def method(self, method, depth):
        receiver, name, kinds, _ = method
        dot = "?." if self.rng.random() < 0.04 else "."
        return self.operand(receiver, depth - 1) + dot + name + "(" + self.arguments(kinds, depth) + ")"

    def function(self, function, depth):
        name, kinds, _ = function
        return name + "(" + self.arguments(kinds, depth) + ")"

    def operand(self, kind, depth):
        text = self.expression(kind, depth)
        simple = all(c.isalnum() or c in "$._'\"`()[]{}, " for c in text) and " " not in text
        return text if simple or self.rng.random() < 0.15 else "(" + text + ")"

    def binary(self, operators, kind, depth):
        return self.operand(kind, depth - 1) + " " + self.rng.choice(operators) + " " + self.operand(kind, depth - 1)

    def make_int(self, depth):
        return self.binary(["+", "-", "*", "/", "mod"], "int", depth)

    make_small = make_int

    def make_num(self, depth):
        return self.rng.choice([lambda: self.binary(["+", "-", "*", "/", "mod"], "num", depth), lambda: "-" + self.operand("num", depth - 1)])()

    make_float = make_num

    def make_bool(self, depth):
        return self.rng.choice([
            lambda: self.binary(["=", "!=", "<", ">", "<=", ">="], self.rng.choice(["int", "str", "num", "any", "set", "date", "span"]), depth),
            lambda: self.binary(["and", "or"], "any", depth), lambda: "not " + self.operand("any", depth - 1),
            lambda: self.operand("any", depth - 1) + " in " + self.operand(self.rng.choice(["list", "str", "set"]), depth - 1),
            lambda: self.operand("str", depth - 1) + self.rng.choice([" =~ ", " !~ "]) + self.rng.choice([self.pattern(), self.leaf("re")]),
        ])()

    def make_str(self, depth):
        return self.rng.choice([lambda: self.binary(["+"], "str", depth), lambda: self.operand("str", depth - 1) + " * " + str(self.rng.randrange(-1, 4)),
                                lambda: "switch(" + self.expression("bool", depth - 1) + " => " + self.expression("str", depth - 1) + ", true => zz)"])()

    def make_list(self, depth):
        return self.rng.choice([
            lambda: "[" + ", ".join(self.expression("any", depth - 1) for _ in range(self.rng.randrange(4))) + "]",
            lambda: self.binary(["+"], "list", depth), lambda: self.operand("list", depth - 1) + " * " + str(self.rng.randrange(-1, 4)),
            lambda: self.operand("list", depth - 1) + "." + self.rng.choice(["name", "id", "tags", "k", "zz"])])()

    def make_dict(self, depth):
        return self.rng.choice([
            lambda: "{" + ", ".join(self.rng.choice(KEYS + ["1", "null", "'x y'"]) + " => " + self.expression("any", depth - 1) for _ in range(self.rng.randrange(3))) + "}",
            lambda: self.binary(["+"], "dict", depth)])()

    def make_date(self, depth):
        return self.operand("date", depth - 1) + self.rng.choice([" + ", " - "]) + self.operand("span", depth - 1)

    def make_span(self, depth):
        return self.rng.choice([lambda: self.binary(["+", "-"], "span", depth), lambda: self.operand("date", depth - 1) + " - " + self.operand("date", depth - 1),
                                lambda: self.operand("span", depth - 1) + self.rng.choice([" * ", " / "]) + self.operand("num", depth - 1)])()

    def make_set(self, depth):
        return self.binary(["+", "-"], "set", depth)

    def make_any(self, depth):
        return self.rng.choice([
            lambda: self.operand("list", depth - 1) + "[" + self.expression("int", depth - 1) + "]",
            lambda: self.operand("dict", depth - 1) + self.rng.choice([".", "?."]) + self.rng.choice(KEYS),
            lambda: self.operand("dict", depth - 1) + "[" + self.expression("key", depth - 1) + self.rng.choice(["", ", 5"]) + "]",
            lambda: "let(x => " + self.expression("any", depth - 1) + ", 5) -> " + self.rng.choice(["$x", "$1", "[$x, $1]"]),
            lambda: "let(" + self.expression("any", depth - 1) + ") -> " + self.lambda_text(depth),
            lambda: "with(" + self.expression("any", depth - 1) + ", 2) -> [$1, $2]",
            lambda: "def(g, $ + 1) -> g(" + self.expression("int", depth - 1) + ")",
            lambda: self.operand("list", depth - 1) + ".unpack(p, q) -> [$p, $q]",
            lambda: self.operand(*(lambda k: (k, depth - 1))("date")) + "." + self.rng.choice(PROPERTIES["date"]),
            lambda: self.operand("span", depth - 1) + "." + self.rng.choice(PROPERTIES["span"]),
            lambda: "call(" + self.rng.choice(["len", "str", "max", "nope", "int"]) + ", [" + self.expression("any", depth - 1) + "], {})",
        ])()

    def lambda_text(self, depth):
        self.lambdas += 1
        text = self.expression("any", depth - 1)
        self.lambdas -= 1
        return text


SCRAPS = list("$.[](){},+-*/<>=!~?'\"` ") + ["=>", "->", "?.", "and", "or", "not", "in", "mod", "null", "$x", "1", "2.5", "a", "f(", "len(", "__x", "0x1", "é"]


def damage(rng, text):
    """A small mistake, as people make them."""
    at = rng.randrange(len(text) + 1)
    roll = rng.random()
    if roll < 0.4 and text:
        return text[:at] + text[at + rng.randrange(1, 3):]
    if roll < 0.8:
        return text[:at] + rng.choice(SCRAPS) + text[at:]
    return "".join(rng.choice(SCRAPS) for _ in range(rng.randrange(1, 8)))


def make_case(seed):
    rng = random.Random(seed)
    generator = Generator(rng)
    kind = rng.choice(["any", "any", "list", "list", "str", "bool", "num", "dict", "set", "date", "span"])
    text = generator.expression(kind, rng.randrange(1, 5))
    if rng.random() < 0.15:
        text = damage(rng, text)
    return {"env": "yaql", "text": text[:600], "context": base_data(rng)}
