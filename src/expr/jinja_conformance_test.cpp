#include "expr/expr.hpp"
#include "value/conformance.hpp"

namespace squall::expr {
namespace {

using conformance::decode_tagged;

Result<Value> answer(const Value& vector) {
  const Scope scope(decode_tagged(vector["context"]));
  const RenderOptions options{.allow_undefined = vector["allow_undefined"].bool_or(false)};
  if (vector["op"] == Value("render_values")) return render_values(decode_tagged(vector["mapping"]), scope, options);
  SQ_TRY(const JinjaTemplate compiled, JinjaTemplate::compile(vector["template"].string()));
  SQ_TRY(std::string text, compiled.render(scope, options));
  return Value(std::move(text));
}

TEST(JinjaConformance, TemplatesRenderAsInStackStorm) {
  SQ_LOAD_TOPIC(topic, "jinja_st2");
  conformance::Report report("jinja_st2", topic);
  for (const Value& vector : topic["vectors"].as_list()) {
    Result<Value> came = answer(vector);
    // CPython's class re.error calls itself "error".
    if (!came && came.error().type() == "re.error") came = fail(came.error().with_type("error"));
    report.judge(vector, came);
  }
  report.finish();
}

TEST(JinjaConformance, SyntaxErrorsKnowTheirLine) {
  SQ_LOAD_TOPIC(topic, "jinja_st2");
  int checked = 0;
  for (const Value& vector : topic["vectors"].as_list()) {
    const Value& line = vector["error"]["line"];
    if (!line.is_int() || !vector.contains("template")) continue;
    const auto compiled = JinjaTemplate::compile(vector["template"].string());
    ASSERT_FALSE(compiled) << vector["template"].string();
    EXPECT_EQ(compiled.error().where().line, line.as_int()) << vector["template"].string();
    ++checked;
  }
  EXPECT_GT(checked, 30);
}

// A dict with keys that are not text, anywhere inside.
bool has_other_keys(const Value& tagged) {
  if (tagged["$type"] == Value("dict")) return true;
  if (tagged.is_list()) {
    for (const Value& item : tagged.as_list()) {
      if (has_other_keys(item)) return true;
    }
  }
  if (tagged.is_dict()) {
    for (const auto& [key, member] : tagged.as_dict()) {
      if (has_other_keys(member)) return true;
    }
  }
  return false;
}

TEST(JinjaConformance, TojsonOfTheDialects) {
  SQ_LOAD_TOPIC(topic, "tojson_dialects");
  int passed = 0;
  int failed = 0;
  for (const Value& vector : topic["vectors"].as_list()) {
    if (!(vector["dialect"] == Value("tojson"))) continue;
    // A context cannot have keys that are not text, a literal can.
    const bool literal = has_other_keys(vector["in"]);
    const Scope scope(literal ? Value::empty_dict() : Value::dict({{"v", decode_tagged(vector["in"])}}));
    const std::string subject = literal ? vector["in"]["repr"].string() : "v";
    const Value& indent = vector["options"]["indent"];
    const std::string filter = indent.is_int() ? "tojson(" + std::to_string(indent.as_int()) + ")" : "tojson";
    const std::string text = "{{ " + subject + " | " + filter + " }}";
    const auto compiled = JinjaTemplate::compile(text);
    ASSERT_TRUE(compiled);
    const auto came = compiled->render(scope);
    const bool pass = vector.contains("error") ? !came : came && Value(*came) == vector["value"];
    ++(pass ? passed : failed);
    EXPECT_TRUE(pass) << vector["id"].string() << ": wanted " << vector["value"].string() << "; came "
                      << (came ? *came : came.error().to_string());
  }
  std::cout << "tojson_dialects / tojson: " << passed << " passed, " << failed << " failed" << std::endl;
  EXPECT_GT(passed, 0);
}

}  // namespace
}  // namespace squall::expr
