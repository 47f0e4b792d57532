"""Random Jinja templates made of statements: loops and what they know of themselves, macros and their callers, blocks that are
filtered or kept, namespaces, whitespace control, formatting, slices, and StackStorm's filters."""

import random

from jinja_cases import Generator, damage
from yaql_cases import WORDS, random_data

LOOP = ["index", "index0", "revindex", "revindex0", "first", "last", "length", "depth", "depth0", "previtem", "nextitem", "cycle('a', 'b')", "changed(i)",
        "cycle()", "nope", "changed(i, 1)"]
FORMATS = ["%s", "%d", "%5.1f", "%-6s|", "%05d", "%x", "%#o", "%e", "%g", "%r", "%c", "%%", "%+d", "% d", "%.2s", "%(a)s", "%*d", "%i", "%u", "%a", "%5%", "%z", "%", "%.3",
           "%#x", "%G", "%E", "%F", "%-+8.3f|", "%08.2f", "%10r", "%(a)d %(b)s", "%.0f", "%ld"]
SPECS = ["", ":5", ":<5", ":>8", ":^9", ":*^9", ":05d", ":+d", ":,", ":_", ":x", ":#x", ":b", ":o", ":c", ":e", ":.2f", ":g", ":%", ":.3", "!r", "!s", "!a", "!r:>10", ":n", ":{}", ":d",
         ":s", ":=+6", ":010,d", ":.1%", ":z", ":10.3e", "!x", ":#b", ":#,x", ":_x", ":-", ": d", ":08.3f", ":F", ":G", ":.0f", ":>>4", ":é^7"]
FIELDS = ["", "0", "1", "a", "0.real", "a[0]", "a[b]", "a.b", "0[1]", "b", "-1", " ", "0.__class__", "a.nope", "[0]", ".real"]
ST2_FILTERS = [
    ("from_json_string", ["json"], []), ("from_yaml_string", ["yaml"], []), ("json_escape", ["any"], []), ("to_complex", ["any"], []),
    ("to_json_string", ["any"], ["", "2", "indent=4", "sort_keys=true", "0, true", "separators=none", "1, false, ('|', '=')", "indent='-'"]),
    ("to_yaml_string", ["any"], ["", "indent=4", "allow_unicode=false"]), ("jsonpath_query", ["any"], ["'a'", "'$..name'", "'[*].id'", "'b[1].k'", "'a.zz'", "'['", "'*'", "'$'"]),
    ("regex_match", ["str"], ["'[a-z]+'", "'A', true", "'^H', ignorecase=true", "'('", "'x*$'"]),
    ("regex_search", ["any"], ["'o'", "'\\\\d+'", "'L', true", "'[a'", "'(a)(b)?'"]),
    ("regex_replace", ["any"], ["'o', '0'", "'(l)', '<\\\\1>'", "'x*', '-'", "'A', 'b', true", "'a', '\\\\2'"]),
    ("regex_substring", ["any"], ["'[a-z]+'", "'.', 2", "'(.)(.)'", "'.', -1", "'zz'", "'L', 0, true", "'.', 99"]),
    ("to_human_time_from_seconds", ["num"], []), ("use_none", ["any"], []), ("basename", ["path"], []), ("dirname", ["path"], []),
    ("version_compare", ["version"], ["'1.2.3'", "'1.2.3-a'", "'1.2'"]), ("version_more_than", ["version"], ["'1.2.3'"]), ("version_less_than", ["version"], ["'1.2.3'"]),
    ("version_equal", ["version"], ["'1.2.3+b'"]), ("version_match", ["version"], ["'>=1.2.3'", "'<2.0.0'", "'1.2.3'", "'~1.2.3'", "'!=0.0.1'"]),
    ("version_bump_major", ["version"], []), ("version_bump_minor", ["version"], []), ("version_bump_patch", ["version"], []), ("version_strip_patch", ["version"], []),
]
LEAVES = {
    "json": ["'{\"a\": [1, 2.5, null]}'", "'[1,]'", "'\"x\"'", "'5'", "s", "'{\"a\":1,\"a\":2}'", "'[true, false]'", "n", "z", "'1e400'"],
    "yaml": ["'a: 1\\nb: [x, y]'", "'017'", "'yes'", "'2020-01-02'", "s", "'a: b: c'", "'~'", "n", "'- 1\\n- &x 2\\n- *x'", "'1:30'"],
    "path": ["'/a/b.c'", "'/a/'", "''", "s", "'a//b'", "n", "'..'"],
    "version": ["'1.2.3'", "'1.2.3-rc.1+b5'", "'0.0.0'", "'1.2'", "'2.0.0-1'", "s", "n", "'1.2.3-a'", "'10.0.1'"],
}


class StatementGenerator(Generator):
    def leaf(self, kind):
        return self.rng.choice(LEAVES[kind]) if kind in LEAVES else super().leaf(kind)

    def st2_filter(self):
        name, kinds, arguments = self.rng.choice(ST2_FILTERS)
        given = self.rng.choice(arguments) if arguments and self.rng.random() < 0.95 else ""
        return self.leaf(kinds[0]) + "|" + name + ("(" + given + ")" if given else "")

    def formatted(self):
        rng = self.rng
        if rng.random() < 0.5:
            text = self.text("".join(rng.choice(FORMATS) + rng.choice(["", " ", "x"]) for _ in range(rng.randrange(1, 3))))
            values = ", ".join(self.expression("any", 1) for _ in range(rng.randrange(1, 3)))
            return rng.choice([f"{text} % ({values},)", f"{text} % {self.operand('any', 1)}", f"{text}|format({values})", f"{text}|format(a={self.leaf('any')}, b=1)",
                               f"{text} % {{'a': {self.leaf('any')}, 'b': 2}}"])
        text = self.text("".join(rng.choice(["", "-", "{{", "}}"] + ["{" + rng.choice(FIELDS) + rng.choice(SPECS) + "}"] * 5) for _ in range(rng.randrange(1, 4))))
        values = [self.expression("any", 1) for _ in range(rng.randrange(0, 3))] + rng.choice([[], ["a=" + self.leaf("any")], ["a={'b': 1}"], ["a=[3]", "b=n"]])
        return f"{text}.format({', '.join(values)})"

    def sliced(self):
        at = ["", "", "0", "1", "-1", "2", "-3", "9", "n", "none", "'a'", "1.0", "-9", "true"]
        place = self.rng.choice(at) + ":" + self.rng.choice(at) + self.rng.choice(["", "", ":" + self.rng.choice(at)])
        return self.operand(self.rng.choice(["list", "str", "any"]), 1) + "[" + place + "]"

    def output(self):
        rng = self.rng
        text = rng.choice([self.st2_filter, self.st2_filter, self.formatted, self.formatted, self.sliced, lambda: self.expression("any", 2)])()
        return "{{" + rng.choice([" ", " ", "- ", "+ "]) + text + rng.choice([" ", " ", " -", " +"]) + "}}"

    def looped(self, depth):
        rng = self.rng
        inner = "".join(rng.choice(["{{ loop." + rng.choice(LOOP) + " }}", "{{ i }}", " ", "\n", self.piece(depth - 1)]) for _ in range(rng.randrange(1, 4)))
        condition = rng.choice(["", "", " if i", " if i != 1", " if i is defined", " if loop.first"])
        source = self.expression("list", 1)
        if rng.random() < 0.15:
            return (self.tag("for i in " + rng.choice(["[[1, [2, 3]], [4]]", "vms", "'ab'", "[{'c': [{'c': []}]}]"]) + rng.choice(["", condition]) + " recursive") +
                    "<{{ loop.depth }}" + rng.choice(["{{ i }}", "", "{{ loop.index }}/{{ loop.length }}"]) +
                    rng.choice(["{% if i is iterable and i is not string %}{{ loop(i) }}{% endif %}", "{{ loop(i.c) }}", "{% if i.c %}{{ loop(i.c) }}{% endif %}"]) + ">" +
                    self.tag("endfor"))
        other = self.tag("else") + "none" if rng.random() < 0.2 else ""
        return self.tag(f"for i in {source}{condition}") + inner + other + self.tag("endfor")

    def macro(self, depth):
        rng = self.rng
        parameters = rng.choice(["", "a", "a, b=2", "a=1, b=a", "a, b=[]", "a, a2=n"])
        body = "".join(rng.choice(["{{ a }}", "{{ varargs }}", "{{ kwargs }}", "{{ caller() }}", "{{ caller(1) }}", "{% if caller %}{{ caller() }}{% endif %}", "{{ b }}", " ",
                                   "{{ a is defined }}", self.piece(depth - 1)]) for _ in range(rng.randrange(1, 4)))
        made = self.tag(f"macro m({parameters})") + body + self.tag("endmacro")
        given = rng.choice(["", "1", "1, 2", "a=5", "1, b=3", "1, 2, 3", "c=1", "*l", "**d", "1, *[2, 3]", "1, **{'b': 4}", "x=1, y=2", "a=1, **{'a': 2}"])
        use = rng.choice(["{{ m(%s) }}" % given, "{{ m(%s)|upper }}" % given, self.tag(f"call m({given})") + "in{{ i }}" + self.tag("endcall"),
                          self.tag(f"call(q) m({given})") + "<{{ q }}>" + self.tag("endcall"), self.tag(f"call(q, r=7) m({given})") + "{{ q }}{{ r }}" + self.tag("endcall"),
                          "{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}{{ m.catch_varargs }}{{ m.caller }}", "{{ m }}"])
        return made + use

    def scoped(self, depth):
        rng = self.rng
        value = self.expression("any", 1)
        return rng.choice([
            lambda: "{% set ns = namespace(a=" + value + ") %}{% for i in l %}{% set ns.a = " + rng.choice(["i", "ns.a + 1", "ns.a ~ i", "loop.index"]) + " %}{% endfor %}{{ ns.a }}",
            lambda: "{% set x = " + value + " %}{% for i in l %}{% set x = i %}{{ x }}{% endfor %}{{ x }}",
            lambda: "{% with a = " + value + ", b = " + rng.choice(["a", "1", "n"]) + " %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}",
            lambda: "{% set blk %}" + self.template(depth - 1) + "{% endset %}[{{ blk }}]{{ blk is escaped }}",
            lambda: "{% set blk | " + rng.choice(["upper", "trim", "replace('a', 'b')", "indent(2)", "nosuch", "length"]) + " %}" + self.template(depth - 1) + "{% endset %}[{{ blk }}]",
            lambda: "{% filter " + rng.choice(["upper", "title", "trim|upper", "replace('a', '')", "indent(2, true)", "wordcount", "escape", "truncate(5)", "nosuch", "center(9)"]) + " %}" +
            self.template(depth - 1) + "{% endfilter %}",
            lambda: "{% set a, b = " + rng.choice(["l", "[1, 2]", "'xy'", value, "(1, 2, 3)"]) + " %}{{ a }}{{ b }}",
            lambda: "{% raw %}" + rng.choice(["{{ x }}", "{% if %}", "a\n", ""]) + rng.choice(["{% endraw %}", "{%- endraw -%}", "{% endraw"]) + "\nz",
            lambda: "{% autoescape " + rng.choice(["true", "false", "n"]) + " %}{{ '<a>' }}{{ '<b>'|safe }}{{ s ~ '<' }}{% endautoescape %}",
            lambda: "{% if " + value + " %}{% set k = 1 %}{% endif %}{{ k is defined }}{{ k }}",
            lambda: "{% block b" + rng.choice(["", " scoped", " required"]) + " %}{{ n }}{% endblock %}{{ self.b() }}",
            lambda: "{% set c = cycler('a', 'b') %}{% for i in l %}{{ c.next() }}{{ c.current }}{% endfor %}{% set j = joiner(" + rng.choice(["", "'; '"]) + ") %}{% for i in w %}{{ j() }}{{ i }}{% endfor %}",
            lambda: rng.choice(["{% include 'x' %}", "{% include 'x' ignore missing %}", "{% import 'x' as y %}", "{% from 'x' import y %}", "{% extends 'x' %}", "{% do 1 %}",
                                "{% continue %}", "{% elif %}", "{% endif %}", "{% print n, s %}", "{% trans %}", "{% debug %}"]),
        ])()

    def piece(self, depth):
        rng = self.rng
        if depth <= 0:
            return self.output()
        roll = rng.random()
        if roll < 0.3:
            return self.output()
        if roll < 0.38:
            return rng.choice(["\n", " ", "  \n  ", "a\n", "\n\n", "\t", "{# c #}", "{#- c -#}", "x {# a\nb #}\n", "\r\n", "text"])
        if roll < 0.58:
            return self.looped(depth)
        if roll < 0.72:
            return self.macro(depth)
        if roll < 0.92:
            return self.scoped(depth)
        return super().piece(depth)


def make_case(seed):
    rng = random.Random(seed)
    generator = StatementGenerator(rng)
    text = generator.template(2)
    if rng.random() < 0.15:
        text = damage(rng, text)
    data = {"n": rng.choice([7, 0, -2, 100]), "f": rng.choice([2.5, -0.5, 3.0]), "s": rng.choice(WORDS), "t": rng.random() < 0.5,
            "l": [rng.randrange(-3, 6) for _ in range(rng.randrange(4))], "w": rng.sample(WORDS, 3), "z": None, "d": {"a": 1, "b": [2, {"k": "v"}], "c": None},
            "vms": [{"id": i, "name": rng.choice(WORDS), "up": rng.random() < 0.5} for i in range(3)], "x": random_data(rng)}
    return {"env": "stackstorm", "text": text[:900], "context": data}
