// Whatever a template asks for, it ends within 100 ms, and says where and which limit it reached.
#include <gtest/gtest.h>

#include "expr/expr.hpp"
#include "expr/test_clock.hpp"
#include "expr/workflow_text.hpp"

namespace squall::expr {
namespace {

// As a pack's author meets it: compiled and rendered.
Result<std::string> render(std::string_view text) {
  SQ_TRY(const JinjaTemplate compiled, JinjaTemplate::compile(text));
  return compiled.render(Scope(Value::empty_dict()));
}

void expect_limit(const Error& error, std::string_view text) {
  EXPECT_TRUE(error.code() == ErrorCode::kLimit || error.type() == "OverflowError" || error.type() == "RecursionError")
      << text << ": " << error.to_string();
  EXPECT_FALSE(error.message().empty()) << text;
  EXPECT_LT(error.message().size(), 400u) << text;
  EXPECT_GE(error.where().line, 1) << text << ": " << error.to_string();
  EXPECT_GE(error.where().column, 1) << text << ": " << error.to_string();
}

class JinjaBombs : public testing::TestWithParam<const char*> {};

TEST_P(JinjaBombs, EndSoonWithALimit) {
  const auto came = render(GetParam());
  EXPECT_LT(cost_of([&] { (void)render(GetParam()); }), kLimitSeconds) << GetParam();
  ASSERT_FALSE(came) << GetParam() << " gave " << came->size() << " bytes";
  expect_limit(came.error(), GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Sizes, JinjaBombs,
    testing::Values("{{ range(10**12) }}", "{{ range(10**12) | list | length }}", "{{ range(0, 10**30) }}",
                    "{{ 'x' * 10**12 }}", "{{ [0] * 10**8 }}", "{{ (1, 2) * 10**9 }}", "{{ 2 ** (10**9) }}",
                    "{{ 9 ** (9 ** 9) }}", "{{ 10**40000 * 10**40000 }}", "{{ 'x' | center(10**10) }}",
                    "{{ 'x'.center(10**10) }}", "{{ 'x'.ljust(10**10) }}", "{{ 'x'.zfill(10**10) }}",
                    "{{ ('x\ty' * 1000).expandtabs(10**9) }}", "{{ '%1000000000d' % 1 }}",
                    "{{ '{:1000000000d}'.format(1) }}", "{{ '%.1000000000f' % 1.5 }}",
                    "{{ ('x\n' * 1000) | indent(10**9, true) }}", "{{ {'a': 1} | tojson(indent=10**9) }}",
                    "{{ 'aaaa'.replace('', 'b' * 10**7) * 1000 }}",
                    "{{ ('ab' * 30000000) | replace('', 'xxxxxxxxxxxx') }}", "{{ lipsum(n=10**9) }}",
                    "{{ [1] | batch(10**9, 0) | list }}", "{{ [1] | slice(10**9) | list }}",
                    "{{ (['x' * 1000000] * 1000) | join('-') }}", "{{ ','.join(['x' * 100000] * 99999) }}"));

INSTANTIATE_TEST_SUITE_P(
    Loops, JinjaBombs,
    testing::Values(
        "{% for a in range(99999) %}{% for b in range(99999) %}{% set x = a * b %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{{ 'x' * 100000 }}{% endfor %}",
        "{% for a in range(99999) %}{{ range(99999) | list }}{% endfor %}",
        "{% for a in range(99999) %}{{ range(99999) | sum }}{% endfor %}",
        "{% set l = range(99999) | list %}{% for a in l %}{{ -1 in l }}{% endfor %}",
        "{% set l = range(99999) | list %}{% for a in l %}{{ l == l + [] }}{% endfor %}",
        "{% set l = range(99999) | list %}{% for a in l %}{{ l | sort | first }}{% endfor %}",
        "{% set l = range(99999) | list %}{% for a in l %}{{ l.count(a) }}{% endfor %}",
        "{% set s = 'ab' * 100000 %}{% for a in range(99999) %}{{ s.count('x') }}{% endfor %}",
        "{% set s = 'ab' * 100000 %}{% for a in range(99999) %}{{ 'x' in s }}{% endfor %}",
        "{% set s = 'ab' * 100000 %}{% for a in range(99999) %}{{ s | upper | length }}{% endfor %}",
        "{% set s = 'ab' * 100000 %}{% for a in range(99999) %}{{ s | regex_match('x') }}{% endfor %}",
        "{% set ns = namespace(s='ab') %}{% for a in range(99999) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% set ns = namespace(l=[]) %}{% for a in range(99999) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(90) }}",
        "{% for a in [[[[1]]]] recursive %}{{ loop([a]) }}{% endfor %}",
        "{% set l = [] %}{% set _ = l.append(l) %}{{ l }}"));

class JinjaSlow : public testing::TestWithParam<const char*> {};

// These may have an answer; they may not take their time, for example by growing with the square of their input.
TEST_P(JinjaSlow, EndSoon) {
  const auto came = render(GetParam());
  EXPECT_LT(cost_of([&] { (void)render(GetParam()); }), kLimitSeconds) << GetParam();
  if (!came) {
    EXPECT_GE(came.error().where().column, 1) << came.error().to_string();
  }
}

INSTANTIATE_TEST_SUITE_P(
    Squares, JinjaSlow,
    testing::Values(
        "{{ range(99999) | unique | list | length }}", "{{ range(99999) | groupby('real') | length }}",
        "{{ dict.fromkeys(range(99999)) | length }}", "{{ range(99999) | map('string') | unique | list | length }}",
        "{% set d = {} %}{% for i in range(99999) %}{% set _ = d.update({i: i}) %}{% endfor %}{{ d | length }}",
        "{% set d = {} %}{% for i in range(99999) %}{% set _ = d.update({i | string: i}) %}{% endfor %}{{ d | length "
        "}}",
        "{% set l = [] %}{% for i in range(99999) %}{% set _ = l.insert(0, i) %}{% endfor %}{{ l | length }}",
        "{% set l = range(99999) | list %}{% for i in range(99999) %}{% set _ = l.pop(0) %}{% endfor %}{{ l | length "
        "}}",
        "{% set ns = namespace(s='') %}{% for i in range(99999) %}{% set ns.s = ns.s ~ 'x' %}{% endfor %}{{ ns.s | "
        "length }}",
        "{{ range(99999) | list | reverse | sort | last }}", "{{ ('x ' * 1000000) | wordcount }}",
        "{{ ('x ' * 100000) | wordwrap(1) | length }}", "{{ ('<' * 1000000) | escape | length }}",
        "{{ ('<a ' * 100000) | striptags | length }}", "{{ ('http://a.b/ ' * 20000) | urlize | length }}",
        "{{ ('x ' * 100000) | title | length }}", "{{ 10**39000 }}", "{{ 10**39000 % 7 }}",
        "{{ ('[' * 100000) | from_json_string }}", "{{ ('[' * 100000) | from_yaml_string }}",
        "{{ ('a: &a [*a, ' * 1000) | from_yaml_string }}",
        "{{ (range(9999) | list | to_json_string | from_json_string) | length }}"));

class RegexBombs : public testing::TestWithParam<const char*> {};

TEST_P(RegexBombs, EndSoonInTemplates) {
  for (const char* filter : {"regex_match", "regex_search", "regex_replace"}) {
    const std::string more = filter == std::string_view("regex_replace") ? ", 'x'" : "";
    const std::string text = "line one\n{{ " + std::string(GetParam()) + more + ") }}";
    const size_t name = text.find("FILTER");
    const std::string filled = text.substr(0, name) + filter + text.substr(name + 6);
    const auto came = render(filled);
    EXPECT_LT(cost_of([&] { (void)render(filled); }), kLimitSeconds) << filled;
    if (came) continue;
    EXPECT_EQ(came.error().code(), ErrorCode::kLimit) << filled << ": " << came.error().to_string();
    EXPECT_EQ(came.error().where().line, 2) << filled;
    EXPECT_GT(came.error().where().column, 1) << filled;
  }
}

INSTANTIATE_TEST_SUITE_P(All, RegexBombs,
                         testing::Values("('a' * 40 ~ '!') | FILTER('^(a+)+$'", "('a' * 40 ~ '!') | FILTER('(a|aa)+$'",
                                         "('a' * 40 ~ '!') | FILTER('(a*)*b'",
                                         "('a' * 40 ~ '!') | FILTER('(.*)*x\\\\1'", "('a' * 5000) | FILTER('a*a*a*a*b'",
                                         "('a' * 100000) | FILTER('(a+)+b'", "('ab' * 50000) | FILTER('(?:(?:a|b)*)*c'",
                                         "('x' * 30) | FILTER('((((((x{0,30}){0,30}){0,30}){0,30}){0,30}){0,30})y'",
                                         "('a' * 100000) | FILTER('(?<=a)b|(a)(?=.*c)'"));

TEST(JinjaPlaces, ErrorsKnowLineAndColumn) {
  const auto at = [](std::string_view text) {
    const auto came = render(text);
    EXPECT_FALSE(came) << text;
    return came ? std::string() : came.error().where().to_string();
  };
  EXPECT_EQ(at("a\nb {{ 1 + }}"), "2:10");
  EXPECT_EQ(at("{{ nosuch }}"), "1:4");
  EXPECT_EQ(at("x\r\n{% if true %}\r\n  é {{ 1 // zero }}{% endif %}"), "3:8");
  EXPECT_EQ(at("{{ [1, 2, {'a': 1 // 0}] }}"), "1:17");
  EXPECT_EQ(at("{{ 'x' | nosuch }}"), "1:10");
  EXPECT_EQ(at("{{ 'x' is nosuch }}"), "1:8");
  EXPECT_EQ(at("{% for loop in [1] %}{% endfor %}"), "1:8");
  EXPECT_EQ(at("\n\n  {% nosuch %}"), "3:6");
  EXPECT_EQ(at("{{ a.b.c }}"), "1:5");
}

TEST(JinjaPlaces, ErrorsInsideWorkflowTextsStandInTheWholeText) {
  WorkflowScope scope;
  scope.variables = Value::dict({{"again", "{{ 1 // 0 }}"}});
  const auto at = [&](std::string_view text) {
    const auto came = evaluate_workflow_value(Value(text), scope);
    EXPECT_FALSE(came) << text;
    return came ? std::string() : came.error().where().to_string();
  };
  EXPECT_EQ(at("first\né {{ 1 + nosuch }}"), "2:6");
  EXPECT_EQ(at("x {{ ctx().again }}"), "1:3") << "what the second evaluation found is not in this text";
  EXPECT_EQ(at("{% if true %}\n{{ 1 // 0 }}{% endif %}"), "2:4");
}

}  // namespace
}  // namespace squall::expr
