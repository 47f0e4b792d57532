#include <gtest/gtest.h>

#include <span>

#include "expr/expr.hpp"

namespace squall::expr {
namespace {

struct Answer {
  const char* text;
  const char* error;  // its class; empty: it renders
  const char* words;  // the message, or what it renders to
};

// Found by random comparison: what jinja2 3.1.6, or StackStorm's filter, answered in places where squall once did not.
void expect_all(std::span<const Answer> answers, const Value& context) {
  const Scope scope(context);
  for (const Answer& answer : answers) {
    const auto compiled = JinjaTemplate::compile(answer.text);
    const Result<std::string> came = compiled ? compiled->render(scope) : Result<std::string>(fail(compiled.error()));
    const std::string error(came ? "" : came.error().type());
    EXPECT_EQ(error, answer.error) << answer.text;
    EXPECT_EQ(came ? *came : std::string(came.error().message()), answer.words) << answer.text;
  }
}

TEST(JinjaRealAnswers, ArgumentsFormatsAndCallers) {
  const Answer answers[] = {
      {R"({{ [1]|length(2) }})", "TypeError", R"(len() takes exactly one argument (2 given))"},
      {R"({{ 1|abs(x=1) }})", "TypeError", R"(abs() takes no keyword arguments)"},
      {R"({{ 1 is eq }})", "TypeError", R"(eq expected 2 arguments, got 1)"},
      {R"({{ 1 is gt(2, 3) }})", "TypeError", R"(gt expected 2 arguments, got 3)"},
      {R"({{ '%5%' % 1 }})", "ValueError", R"(unsupported format character '%' (0x25) at index 2)"},
      {R"({{ '%(a)s%s' % {'a': 1} }})", "TypeError", R"(not enough arguments for format string)"},
      {R"({{ '%d' % nope }})", "UndefinedError", R"('nope' is undefined)"},
      {R"({{ '%x' % nope }})", "TypeError", R"(%x format: an integer is required, not StrictUndefined)"},
      {R"({{ '%é' % 1 }})", "ValueError", R"(unsupported format character '?' (0xe9) at index 1)"},
      {R"({{ '{:,x}'.format('a') }})", "ValueError", R"(Cannot specify ',' with 'x'.)"},
      {R"({{ '{:z.1f}'.format(-0.04) }})", "", R"(0.0)"},
      {R"({{ '{:z}'.format(1) }})", "ValueError",
       R"(Negative zero coercion (z) not allowed in integer format specifier)"},
      {R"({{ '{0.real:>4}'.format('a') }})", "TypeError",
       R"(unsupported format string passed to StrictUndefined.__format__)"},
      {R"({{ '{0.real:{}}'.format(5, 3) }})", "", R"(    5)"},
      {R"({{ 'x'|int(7, 'q') }})", "", R"(7)"},
      {R"({{ 5|int(7, 'q') }})", "", R"(5)"},
      {R"({{ 0.1|round(2 ** 70) }})", "", R"(0.1)"},
      {R"({{ 1|round(1, []) }})", "TypeError", R"(unhashable type: 'list')"},
      {R"({{ 'plain'|urlize({}) }})", "", R"(plain)"},
      {R"({{ 'http://a.com'|urlize([]) }})", "TypeError", R"('>' not supported between instances of 'int' and 'list')"},
      {R"({{ ''|wordwrap('a') }})", "", R"()"},
      {R"({{ 'ab'|wordwrap(false) }})", "ValueError", R"(invalid width False (must be > 0))"},
      {R"({{ 'abc'|truncate(1.5) }})", "AssertionError", R"(expected length >= 3, got 1.5)"},
      {R"({{ 'abc'|truncate('9') }})", "TypeError", R"('>=' not supported between instances of 'str' and 'int')"},
      {R"({{ [1]|slice([])|list }})", "TypeError", R"(unsupported operand type(s) for //: 'int' and 'list')"},
      {R"({{ 'a'|indent(1.5) }})", "TypeError", R"(can't multiply sequence by non-int of type 'float')"},
      {R"({{ [1]|tojson([]) }})", "TypeError", R"(can't multiply sequence by non-int of type 'list')"},
      {R"({{ ['a']|map([])|list }})", "TypeError", R"(unhashable type: 'list')"},
      {R"({{ ['a']|select(1)|list }})", "TemplateRuntimeError", R"(No test named 1.)"},
      {R"({{ {}|jsonpath_query(5) }})", "TypeError", R"('int' object is not subscriptable)"},
      {R"({{ 'a'|regex_match([]) }})", "TypeError", R"(unhashable type: 'list')"},
      {R"({{ 'a'|regex_substring('a', 'b') }})", "TypeError", R"(list indices must be integers or slices, not str)"},
      {R"({{ 'a'|regex_replace('a', none) }})", "TypeError",
       R"(decoding to str: need a bytes-like object, NoneType found)"},
      {R"({{ ('a'|e)[0] is escaped }})", "", R"(True)"},
      {R"({% macro m() %}{{ kwargs }}{% endmacro %}{% call m(x=1, **{'y': 2}) %}{% endcall %})", "",
       R"({'x': 1, 'caller': <Macro anonymous>, 'y': 2})"},
      {R"({% macro m() %}{{ caller(1) }}{% endmacro %}{% call m() %}{% endcall %})", "TypeError",
       R"(macro None takes not more than 0 argument(s))"},
      {R"({% macro m() %}{% endmacro %}{{ m(a=1, **{'a': 2}) }})", "TypeError",
       R"(jinja2.sandbox.SandboxedEnvironment.call() got multiple values for keyword argument 'a')"},
      {R"({% set t %}{% block b %}x{% endblock %}{% endset %}{{ self.b() }})", "", R"(x)"},
      {R"({% for i in [1] %}{% extends 'x' %}{% endfor %})", "TemplateAssertionError",
       R"(cannot use extend from a non top-level scope)"},
      {R"({% filter wordcount %}a b{% endfilter %})", "TypeError",
       R"(sequence item 0: expected str instance, int found)"},
      {R"({% set n.a = nope %})", "TemplateRuntimeError", R"(cannot assign attribute on non-namespace object)"},
      {R"({{ [1]|batch(2) is string }}{{ {1: 2}.items()|reverse|list }})", "", R"(False[(1, 2)])"},
      {R"({{ '{:-}'.format('a') }})", "ValueError", R"(Sign not allowed in string format specifier)"},
      {R"({{ '{:.3}|{:.4}|{:.2}'.format(103.0, 103.0, 0.5) }})", "", R"(1.03e+02|103.0|0.5)"},
      {R"({{ '{a:'.format(a=1) }})", "ValueError", R"(unmatched '{' in format spec)"},
      {R"({{ '{>{'.format(a=1) }})", "ValueError", R"(unexpected '{' in field name)"},
      {R"({{ '{a!r'.format(a=1) }})", "ValueError", R"(unmatched '{' in format spec)"},
      {R"({{ '{a!'.format(a=1) }})", "ValueError", R"(end of string while looking for conversion specifier)"},
      {R"({{ '{}{0}'.format(1) }})", "ValueError",
       R"(cannot switch from manual field specification to automatic field numbering)"},
      {R"({{ cycler(1).next(2) }})", "TypeError", R"(Cycler.next() takes 1 positional argument but 2 were given)"},
      {R"({{ ('ab'|e)|last is escaped }}{{ ('ab'|e)|first is escaped }})", "", R"(TrueFalse)"},
      {R"({{ '{a'.format(a=1) }})", "ValueError", R"(expected '}' before end of string)"},
      {R"({{ {}|dictsort(nope) }})", "", R"([])"},
      {R"({{ 5|join(nope, 'a') }})", "TypeError", R"('int' object is not iterable)"},
      {R"({{ nope|jsonpath_query('a') }})", "UndefinedError", R"('nope' is undefined)"},
      {R"({{ ('<a>'|e).replace('a', none) }})", "", R"(&lt;None&gt;)"},
      {R"({% block b %}{% endblock %}{{ self.b(1) }})", "TypeError",
       R"(BlockReference.__call__() takes 1 positional argument but 2 were given)"},
      {R"({% if 1 %}{% set x | nosuch %}{% endset %}{% endif %})", "TemplateAssertionError",
       R"(No filter named 'nosuch'.)"},
      {R"({% extends 'x' %}{{ 1|nosuch }})", "TypeError", R"(no loader for this environment specified)"},
      {R"({{ s|truncate(9, nope) }})", "", R"(ab)"},
      {R"({{ true|indent(5, nope) }})", "TypeError", R"(unsupported operand type(s) for +=: 'bool' and 'str')"},
  };
  expect_all(answers, Value::dict({{"s", "ab"}}));
}

// A frame that assigns a name before it looks it up does not see the context's.
TEST(JinjaRealAnswers, NamesThatAFrameAssigns) {
  const Answer answers[] = {
      {R"({% set t %}{{ t }}{% endset %})", "UndefinedError", R"('t' is undefined)"},
      {R"({% for i in [1] %}{{ t }}{% endfor %}{% set t = 1 %})", "UndefinedError", R"('t' is undefined)"},
      {R"({{ t }}{% set t %}{{ t }}{% endset %}{{ t }})", "", R"(contextcontext)"},
      {R"({% for i in [1, 2] %}{{ t }}{% set t = i %}{{ t }}{% endfor %})", "", R"(context1context2)"},
      {R"({% for i in [1, 2] %}{% set t %}{{ t is defined }}{% endset %}{{ t }}{% endfor %})", "", R"(FalseFalse)"},
      {R"({% macro m() %}{{ t }}{% endmacro %}{% set t = 2 %}{{ m() }})", "", R"(2)"},
      {R"({% if false %}{% set t = 3 %}{% endif %}{{ t }})", "", R"(context)"},
  };
  expect_all(answers, Value::dict({{"t", "context"}}));
}

}  // namespace
}  // namespace squall::expr
