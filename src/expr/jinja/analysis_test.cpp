#include "expr/jinja/analysis.hpp"

#include <gtest/gtest.h>

#include "base/strings.hpp"
#include "expr/jinja/parser.hpp"

namespace squall::expr::jinja {
namespace {

std::string undeclared(std::string_view text) {
  const auto body = parse(text);
  return body ? join(find_undeclared(*body), " ") : body.error().message();
}

// Every expectation is the answer of jinja2.meta.find_undeclared_variables (3.1.6).
TEST(FindUndeclared, AnswersAsJinjaDoes) {
  EXPECT_EQ(undeclared("{{ a.b.c + d['e'] }}"), "a d");
  EXPECT_EQ(undeclared("{% set x = y %}{{ x }}{{ z }}"), "y z");
  EXPECT_EQ(undeclared("{% for i in items if i > limit %}{{ loop.index }}{{ i }}{{ sep }}{% else %}{{ none_left }}"
                       "{% endfor %}"),
            "items limit none_left sep");
  EXPECT_EQ(undeclared("{% macro m(p, q=dflt) %}{{ p }}{{ q }}{{ g }}{{ caller() }}{{ kwargs }}{{ varargs }}"
                       "{% endmacro %}{{ m(arg) }}"),
            "arg dflt g");
  EXPECT_EQ(undeclared("{{ range(n) | map('upper') | join(sep) }}{{ dict(a=v) }}"), "n sep v");
  EXPECT_EQ(undeclared("{{ x | default(y) if z is defined else w }}"), "w x y z");
  EXPECT_EQ(undeclared("{% call(x) f(y) %}{{ x }}{{ z }}{% endcall %}"), "f y z");
  EXPECT_EQ(undeclared("{% filter replace(a, b) %}{{ c }}{% endfilter %}"), "a b c");
  EXPECT_EQ(undeclared("{{ loop.index }}"), "loop");
  EXPECT_EQ(undeclared("plain {# {{ a }} #} text"), "");
  EXPECT_EQ(undeclared("{% raw %}{{ a }}{% endraw %}"), "");
  EXPECT_EQ(undeclared("{{ self.b() }}"), "");
  EXPECT_EQ(undeclared("{{ true }}{{ none }}{{ None }}{{ null }}"), "null");
  EXPECT_EQ(undeclared("{% autoescape true %}{{ q }}{% endautoescape %}"), "q");
}

TEST(FindUndeclared, AssignedNamesCountWhereTheyMayStillComeFromOutside) {
  EXPECT_EQ(undeclared("{% if c %}{% set a = 1 %}{% endif %}{{ a }}"), "a c");
  EXPECT_EQ(undeclared("{% if c %}{% set a = 1 %}{% else %}{% set a = 2 %}{% endif %}{{ a }}"), "a c");
  EXPECT_EQ(undeclared("{% if a %}{% elif b %}{% set c = d %}{% endif %}{{ c }}"), "a b c d");
  EXPECT_EQ(undeclared("{% with a = b %}{{ a }}{{ c }}{% endwith %}{{ a }}"), "a b c");
  EXPECT_EQ(undeclared("{% set ns = namespace(v=s) %}{% set ns.v = t %}{{ ns.v }}"), "s t");
  EXPECT_EQ(undeclared("{% set other.v = t %}"), "other t");
  EXPECT_EQ(undeclared("{% block b %}{{ i }}{{ x }}{% endblock %}{% set x = 1 %}"), "i x");
  EXPECT_EQ(undeclared("{% set x %}{{ y }}{% endset %}{{ x }}"), "y");
  EXPECT_EQ(undeclared("{% for x in x %}{{ x }}{% endfor %}"), "x");
  EXPECT_EQ(undeclared("{% set i = i + 1 %}{{ i }}"), "i");
}

TEST(Check, RefusesWhatJinjasCompilerRefuses) {
  const auto type_of = [](std::string_view text) {
    const auto body = parse(text);
    const Status status = body ? check(*body) : Status(fail(body.error()));
    return status ? "" : status.error().type();
  };
  EXPECT_EQ(type_of("{{ a | upper }}{{ a is defined }}"), "");
  EXPECT_EQ(type_of("{{ a | nosuch }}"), "TemplateAssertionError");
  EXPECT_EQ(type_of("{{ a is nosuch }}"), "TemplateAssertionError");
  EXPECT_EQ(type_of("{{ (a | nosuch) if b else c }}"), "");
  EXPECT_EQ(type_of("{% if x %}{% for y in z %}{{ y | nosuch }}{% endfor %}{% endif %}"), "TemplateAssertionError");
  EXPECT_EQ(type_of("{% for loop in a %}{% endfor %}"), "TemplateAssertionError");
  EXPECT_EQ(type_of("{% for x in a %}{% set loop = 1 %}{% endfor %}"), "TemplateAssertionError");
  EXPECT_EQ(type_of("{% macro m(a, a) %}{% endmacro %}"), "SyntaxError");
  EXPECT_EQ(type_of("{% block b %}{% endblock %}{% block b %}{% endblock %}"), "TemplateAssertionError");
}

}  // namespace
}  // namespace squall::expr::jinja
