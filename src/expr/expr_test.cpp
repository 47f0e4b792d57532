#include "expr/expr.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/limits.hpp"
#include "value/json.hpp"

namespace squall::expr {
namespace {

Value json(std::string_view text) { return parse_json(text).value(); }

// What a template renders, or "ErrorType: message".
std::string rendered(std::string_view text, const Scope& scope = {}, const RenderOptions& options = {}) {
  const auto compiled = JinjaTemplate::compile(text);
  const auto result = compiled ? compiled->render(scope, options) : Result<std::string>(fail(compiled.error()));
  return result ? *result : result.error().type() + ": " + result.error().message();
}

std::string rendered_json(std::string_view text, std::string_view context) {
  return rendered(text, Scope(json(context)));
}

TEST(Scope, LaterLayersShadowEarlierOnes) {
  Scope scope(json(R"({"a": 1, "b": 1})"));
  scope.push(json(R"({"b": 2})"));
  scope.push(Value());
  scope.set("c", 3);
  scope.set("a", 4);
  EXPECT_EQ(scope.find("a")->as_int(), 4);
  EXPECT_EQ(scope.find("b")->as_int(), 2);
  EXPECT_EQ(scope.find("c")->as_int(), 3);
  EXPECT_EQ(scope.find("d"), nullptr);
  EXPECT_EQ(scope.flattened(), json(R"({"a": 4, "b": 2, "c": 3})"));
  EXPECT_FALSE(scope.empty());
  EXPECT_TRUE(Scope(Value::empty_dict()).empty());
}

TEST(Scope, SetLeavesSharedLayersAlone) {
  const Value names = json(R"({"a": 1})");
  Scope scope(names);
  scope.set("a", 2);
  Scope copy = scope;
  copy.set("a", 3);
  EXPECT_EQ(names["a"].as_int(), 1);
  EXPECT_EQ(scope.find("a")->as_int(), 2);
}

TEST(Jinja, ErrorsHaveTypeAndLine) {
  const auto broken = JinjaTemplate::compile("a\nb {{ 1 + }}");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().type(), "TemplateSyntaxError");
  EXPECT_EQ(broken.error().where().line, 2);

  const auto compiled = JinjaTemplate::compile("a\n{% if true %}\n  {{ 1 // zero }}\n{% endif %}");
  ASSERT_TRUE(compiled);
  const auto result = compiled->render(Scope(json(R"({"zero": 0})")));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().type(), "ZeroDivisionError");
  EXPECT_EQ(result.error().where().line, 3);
}

TEST(Jinja, UndefinedIsStrictUnlessAllowed) {
  EXPECT_EQ(rendered("{{ nosuch }}"), "UndefinedError: 'nosuch' is undefined");
  EXPECT_EQ(rendered("[{{ nosuch }}]", {}, {.allow_undefined = true}), "[]");
  EXPECT_EQ(rendered("{{ nosuch.x }}", {}, {.allow_undefined = true}), "UndefinedError: 'nosuch' is undefined");
}

TEST(Jinja, ChangedContainersAreSeenThroughEveryName) {
  // Python's reference semantics, on values that nobody else may see change.
  const Value context = json(R"({"l": [1], "d": {"k": [1]}})");
  EXPECT_EQ(rendered("{% set m = l %}{{ m.append(2) }}{{ l }}{{ m }}", Scope(context)), "None[1, 2][1, 2]");
  EXPECT_EQ(rendered("{{ d.k.append(2) }}{{ d }}", Scope(context)), "None{'k': [1, 2]}");
  EXPECT_EQ(rendered("{% for x in [l, l] %}{% set _ = x.append(9) %}{% endfor %}{{ l }}", Scope(context)), "[1, 9, 9]");
  EXPECT_EQ(rendered("{% set g = {} %}{% for w in ['ab', 'c', 'de'] %}{% set _ = g.setdefault(w | length | string, [])"
                     ".append(w) %}{% endfor %}{{ g }}"),
            "{'2': ['ab', 'de'], '1': ['c']}");
  EXPECT_EQ(rendered("{% macro add(to) %}{% set _ = to.append(7) %}{% endmacro %}{{ add(l) }}{{ l }}", Scope(context)),
            "[1, 7]");
  EXPECT_EQ(
      rendered("{% set ns = namespace(found=[]) %}{% for i in [1, 2] %}{% set _ = ns.found.append(i) %}{% endfor %}"
               "{{ ns.found }}"),
      "[1, 2]");
  EXPECT_EQ(rendered("{{ d.update({1: 'one'}) }}{{ d[1] }} {{ d }}", Scope(context)), "Noneone {'k': [1], 1: 'one'}");
  EXPECT_EQ(context, json(R"({"l": [1], "d": {"k": [1]}})"));
}

TEST(Jinja, RingsOfObjectsEndWithTheRender) {
  EXPECT_EQ(rendered("{% set ns = namespace() %}{% set ns.self = ns %}{{ ns.self.self is defined }}"), "True");
  EXPECT_EQ(rendered("{% set ns = namespace() %}{% for x in [1] %}{% set ns.l = loop %}{{ loop.changed(loop) }}"
                     "{% endfor %}"),
            "True");
  EXPECT_EQ(rendered("{% set d = {1: 2} %}{% set _ = d.update({1: d}) %}{{ d | length }}"), "1");
  EXPECT_EQ(rendered("{% set d = {1: 2} %}{% set _ = d.update({1: d}) %}{{ d }}").substr(0, 14), "RecursionError");
}

TEST(JinjaLimits, EndlessWorkEndsWithAnError) {
  const auto code_of = [](std::string_view text) {
    const auto compiled = JinjaTemplate::compile(text);
    EXPECT_TRUE(compiled) << text;
    const auto result = compiled->render(Scope());
    EXPECT_FALSE(result) << text;
    return result ? ErrorCode::kInternal : result.error().code();
  };
  const std::string loops =
      "{% for a in range(99999) %}{% for b in range(99999) %}{% set x = a * b %}{% endfor %}{% endfor %}";
  EXPECT_EQ(code_of(loops), ErrorCode::kLimit);
  EXPECT_EQ(code_of("{{ 'x' * 10 ** 12 }}"), ErrorCode::kLimit);
  EXPECT_EQ(code_of("{{ [0] * 10 ** 8 }}"), ErrorCode::kLimit);
  EXPECT_EQ(code_of("{{ 2 ** (10 ** 9) }}"), ErrorCode::kLimit);
  EXPECT_EQ(code_of("{{ 'x' | center(10 ** 10) }}"), ErrorCode::kLimit);
  EXPECT_EQ(code_of("{{ '%1000000000d' % 1 }}"), ErrorCode::kLimit);
  EXPECT_EQ(code_of("{{ ('ab' * 3000000) | replace('', 'xxxxxxxxxxxx') }}"), ErrorCode::kLimit);
  EXPECT_EQ(code_of("{% for a in range(99999) %}{{ 'x' * 100000 }}{% endfor %}"), ErrorCode::kLimit);
  EXPECT_EQ(
      code_of("{% set s = 'ab' %}{% for i in range(60) %}{% set s = s + s %}{{ s }}{% endfor %}{{ 'x' * 70000000 }}"),
      ErrorCode::kLimit);
  EXPECT_EQ(rendered("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}").substr(0, 15), "RecursionError:");
}

TEST(JinjaLimits, DeepTemplatesAreRefused) {
  const std::string deep(limits::kExpressionDepthMax + 1, '(');
  const auto nested = JinjaTemplate::compile("{{ " + deep + "1" + std::string(deep.size(), ')') + " }}");
  ASSERT_FALSE(nested);
  EXPECT_EQ(nested.error().type(), "TemplateSyntaxError");
  std::string chain = "{{ 1";
  for (int i = 0; i < 100'000; ++i) chain += "+1";
  EXPECT_FALSE(JinjaTemplate::compile(chain + " }}"));
  std::string ifs;
  for (int i = 0; i < 1000; ++i) ifs += "{% if true %}";
  EXPECT_FALSE(JinjaTemplate::compile(ifs));
  std::string nots = "{{ ";
  for (int i = 0; i < 100'000; ++i) nots += "not ";
  EXPECT_FALSE(JinjaTemplate::compile(nots + "1 }}"));
}

TEST(Jinja, BrokenTemplatesAreErrorsNotCrashes) {
  for (const std::string_view text : {"{{",
                                      "{%",
                                      "{#",
                                      "{{ '",
                                      "{{ a.",
                                      "{{ a[",
                                      "{{ a(",
                                      "{% for",
                                      "{% for x in",
                                      "{% set",
                                      "{% macro m(",
                                      "{% raw %}",
                                      "{% block %}",
                                      "{% from 'x' import %}",
                                      "{% call",
                                      "{{ {1: }",
                                      "{{ a|",
                                      "{{ a is",
                                      "{%- -%}",
                                      "{{ 0x }}",
                                      "{{ '\\x4' }}",
                                      "{{ '\\N{DASH}' }}",
                                      "\xff{{ \xfe }}",
                                      "{{ 1 if }}",
                                      "{% elif %}",
                                      "{{ * }}",
                                      "{{ f(**) }}"}) {
    EXPECT_FALSE(JinjaTemplate::compile(text)) << text;
  }
}

class Lookup final : public LazyObject {
 public:
  explicit Lookup(std::string key) : key_(std::move(key)) {}
  std::string_view type_name() const override { return "KeyValueLookup"; }
  Result<Value> get(std::string_view name) const override {
    return Value::object(std::make_shared<Lookup>(key_.empty() ? std::string(name) : key_ + "." + std::string(name)));
  }
  Result<std::string> text() const override {
    if (key_ == "broken") return fail(ErrorCode::kUnavailable, "the datastore is away");
    return key_ == "a.b" ? "stored" : "";
  }

 private:
  std::string key_;
};

TEST(Jinja, LazyObjectsAreLookedUpWhenShown) {
  const Scope scope(Value::dict({{"kv", Value::object(std::make_shared<Lookup>(""))}}));
  EXPECT_EQ(rendered("{{ kv.a.b }}", scope), "stored");
  EXPECT_EQ(rendered("{{ kv['a']['b'] | upper }}", scope), "STORED");
  EXPECT_EQ(rendered("{{ kv.a.b ~ '!' }}", scope), "stored!");
  EXPECT_EQ(rendered("[{{ kv.nosuch | default('x') }}]", scope), "[]");
  EXPECT_EQ(rendered("{{ 'yes' if kv.nosuch }}", scope), "yes");  // an object, whatever it holds
  EXPECT_EQ(rendered("{{ kv.broken }}", scope), ": the datastore is away");
  EXPECT_EQ(rendered("{{ kv.a | tojson }}", scope),
            "TypeError: Object of type KeyValueLookup is not JSON serializable");
  EXPECT_EQ(rendered("{{ kv.__class__ }}", scope),
            "SecurityError: access to attribute '__class__' of 'KeyValueLookup' object is unsafe.");
}

class Adder final : public Callable {
 public:
  Result<Value> call(const List& arguments, const Dict& keywords) const override {
    int64_t sum = 0;
    for (const Value& argument : arguments) sum += argument.int_or(0);
    for (const auto& [name, value] : keywords) sum += value.int_or(0);
    return Value(sum);
  }
};

TEST(Jinja, HostFunctionsAreCalled) {
  const Scope scope(Value::dict({{"add", Value::object(std::make_shared<Adder>())}}));
  EXPECT_EQ(rendered("{{ add(1, 2, c=3) }} {{ add is callable }}", scope), "6 True");
  EXPECT_EQ(rendered("{{ add(*[1, 2], **{'x': 4}) }}", scope), "7");
}

TEST(Jinja, HostFiltersGetPlainValues) {
  EXPECT_EQ(rendered("{{ 1 | squall_test_filter }}"), "TemplateAssertionError: No filter named 'squall_test_filter'.");
  register_host_filter("squall_test_filter", [](const Value& input, const List& arguments) -> Result<Value> {
    const auto* lazy =
        input.kind() == Kind::kObject ? dynamic_cast<const LazyObject*>(input.as_object().get()) : nullptr;
    SQ_TRY(const std::string text, lazy != nullptr ? lazy->text() : Result<std::string>(input.string()));
    return Value(text + "/" + std::to_string(arguments.size()));
  });
  const Scope scope(Value::dict({{"kv", Value::object(std::make_shared<Lookup>(""))}}));
  EXPECT_EQ(rendered("{{ kv.a.b | squall_test_filter(1, 2) }}", scope), "stored/2");
  EXPECT_EQ(rendered("{{ ['a', 'b'] | map('squall_test_filter') | join(',') }}"), "a/0,b/0");
  EXPECT_EQ(rendered("{{ nosuch | squall_test_filter }}"), "UndefinedError: 'nosuch' is undefined");
}

TEST(Jinja, GeneratorsAreReadOnce) {
  EXPECT_EQ(rendered("{% set g = [1, 2] | map('string') %}{{ g | list }}{{ g | list }}"), "['1', '2'][]");
  // A mistake inside comes to light only when somebody reads.
  EXPECT_EQ(rendered("{{ [1] | map('nosuch') is iterable }}"), "True");
  EXPECT_EQ(rendered("{{ [1] | map('nosuch') | list }}"), "TemplateRuntimeError: No filter named 'nosuch'.");
}

TEST(Jinja, UnknownFiltersInBranchesFailWhenTheyRun) {
  EXPECT_EQ(rendered("{% if false %}{{ 1 | nosuch }}{% endif %}ok"), "ok");
  EXPECT_EQ(rendered("{% if true %}{{ 1 | nosuch }}{% endif %}ok"),
            "TemplateRuntimeError: No filter named 'nosuch' found.");
}

TEST(Jinja, CompiledTemplatesServeManyThreads) {
  const auto compiled =
      JinjaTemplate::compile("{% for x in l %}{% set _ = l.append(x) %}{{ x }}{% endfor %}{{ l | length }}");
  ASSERT_TRUE(compiled);
  const Value context = json(R"({"l": [1, 2, 3]})");
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        const auto cached = JinjaTemplate::compile_cached("{{ a }}-" + std::to_string(i % 7));
        if (cached && compiled->render(Scope(context)).value_or("") == "1236") ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 800);
}

TEST(Jinja, TheCacheForgetsWithoutHarm) {
  for (size_t i = 0; i < kTemplateCacheMax + 10; ++i) {
    const std::string text = "{{ x }}" + std::to_string(i);
    const auto compiled = JinjaTemplate::compile_cached(text);
    ASSERT_TRUE(compiled);
    EXPECT_EQ(compiled->render(Scope(json(R"({"x": "v"})"))).value(), "v" + std::to_string(i));
  }
  EXPECT_FALSE(JinjaTemplate::compile_cached("{{ x"));
  EXPECT_FALSE(JinjaTemplate::compile_cached("{{ x"));
}

TEST(Jinja, TemplatesAreRecognized) {
  EXPECT_TRUE(is_template("a {{ b }}"));
  EXPECT_TRUE(is_template("{% if x %}"));
  EXPECT_FALSE(is_template("{ { b } }"));
  EXPECT_FALSE(is_template("{# only a comment #}"));
}

TEST(RenderValues, UnchangedValuesKeepTheirType) {
  const Scope scope(json(R"({"x": 5, "l": [1, "a"], "q": "say \"hi\""})"));
  const Value mapping =
      json(R"({"a": "{{ x }}", "b": 7, "c": null, "d": ["{{ l }}", {"n": 1.5}], "e": [1, true], "f": "t"})");
  const auto rendered_mapping = render_values(mapping, scope);
  ASSERT_TRUE(rendered_mapping) << rendered_mapping.error().to_string();
  EXPECT_EQ(*rendered_mapping,
            json(R"({"a": "5", "b": 7, "c": null, "d": ["[1, 'a']", {"n": 1.5}], "e": [1, true], "f": "t"})"));
  EXPECT_TRUE((*rendered_mapping)["e"].same_storage(mapping["e"]));
}

TEST(RenderValues, FailuresNameTheKeyAndTheTemplate) {
  const Scope scope(json(R"({"q": "say \"hi\""})"));
  RenderFailure failure;
  const auto undefined = render_values(json(R"({"a": "1", "b": ["{{ nosuch }}"]})"), scope, {}, &failure);
  ASSERT_FALSE(undefined);
  EXPECT_EQ(undefined.error().type(), "UndefinedError");
  EXPECT_EQ(failure.key, "b");
  EXPECT_EQ(failure.text, "[\"{{ nosuch }}\"]");

  failure = {};
  const auto no_json = render_values(json(R"({"a": ["{{ q }}"]})"), scope, {}, &failure);
  ASSERT_FALSE(no_json);
  EXPECT_EQ(no_json.error().type(), "JSONDecodeError");
  EXPECT_EQ(failure.key, "");
}

TEST(RenderValues, OneValue) {
  const Scope scope(json(R"({"x": 5})"));
  EXPECT_EQ(render_value(Value("{{ x }}{{ __context.x }}"), scope).value(), Value("55"));
  EXPECT_EQ(render_value(Value(3), scope).value(), Value(3));
  EXPECT_EQ(render_value(Value("{{ x }}"), Scope()).value(), Value("{{ x }}"));
}

TEST(Jinja, WhitespaceOfPacksInTheWild) {
  EXPECT_EQ(rendered_json("{%- for h in hosts %}\n  {{ h }}{{ \",\" if not loop.last }}\n{%- endfor %}\n",
                          R"({"hosts": ["a", "b"]})"),
            "  a,  b");
  EXPECT_EQ(rendered_json("  {% if on %}\n  yes\n  {% else %}\n  no\n  {% endif %}\nend\n", R"({"on": false})"),
            "  no\nend");
}

}  // namespace
}  // namespace squall::expr
