#include "packs/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "expr/expr.hpp"
#include "packs/schema_patterns.hpp"
#include "text/regex.hpp"
#include "value/conformance.hpp"
#include "value/json.hpp"

namespace squall::packs {
namespace {

using ::testing::HasSubstr;
using Keys = std::map<std::string, std::string>;

// A scope of a datastore.
class Lookup final : public expr::LazyObject {
 public:
  Lookup(std::shared_ptr<const Keys> keys, std::string key) : keys_(std::move(keys)), key_(std::move(key)) {}
  std::string_view type_name() const override { return "KeyValueLookup"; }
  Result<Value> get(std::string_view name) const override {
    return Value::object(
        std::make_shared<Lookup>(keys_, key_.empty() ? std::string(name) : key_ + "." + std::string(name)));
  }
  Result<std::string> text() const override {
    const auto found = keys_->find(key_);
    return found == keys_->end() ? std::string() : found->second;
  }

 private:
  std::shared_ptr<const Keys> keys_;
  std::string key_;
};

Value make_st2kv(const Keys& system, const Keys& user) {
  return Value::dict({{"system", Value::object(std::make_shared<Lookup>(std::make_shared<Keys>(system), ""))},
                      {"user", Value::object(std::make_shared<Lookup>(std::make_shared<Keys>(user), ""))}});
}

Value from_json(std::string_view text) {
  auto value = parse_json(text);
  EXPECT_TRUE(value.has_value()) << text;
  return value ? *value : Value();
}

class Config : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { install_schema_patterns(); }
  std::string resolve(std::string_view schema, std::string_view values) {
    const auto resolved = resolve_config(from_json(schema), from_json(values), make_st2kv({{"name", "kvname"}}, {}));
    return resolved ? to_json(*resolved) : resolved.error().to_string();
  }
};

TEST_F(Config, NothingAtAll) {
  EXPECT_EQ(resolve("null", "null"), "{}");
  EXPECT_EQ(resolve("null", R"({"a": 1})"), R"({"a":1})");
}

TEST_F(Config, WithoutTemplatesTheValuesAreNotCopied) {
  const Value values = from_json(R"({"a": {"b": [1, 2]}})");
  const auto resolved = resolve_config(Value(), values, Value());
  ASSERT_TRUE(resolved.has_value());
  EXPECT_TRUE(resolved->same_storage(values));
}

TEST_F(Config, TemplatesAtAnyDepth) {
  EXPECT_EQ(resolve("{}", R"({"a": {"b": ["x", {"c": "{{ st2kv.system.name }}!"}]}, "d": 1})"),
            R"({"a":{"b":["x",{"c":"kvname!"}]},"d":1})");
}

TEST_F(Config, EmptyRenderIsNullAndGetsNoDefault) {
  EXPECT_EQ(resolve(R"({"a": {"type": "string", "default": "x"}})", R"({"a": "{{ st2kv.system.nosuch }}"})"),
            R"({"a":null})");
}

TEST_F(Config, ErrorNamesTheKeyAndTheReason) {
  EXPECT_THAT(resolve("{}", R"({"a": {"list": ["{{ nosuch }}"]}})"),
              HasSubstr("key \"a.list.0\" with value \"{{ nosuch }}\": UndefinedError: 'nosuch' is undefined"));
}

TEST_F(Config, TemplateOfASecretIsRefusedInWords) {
  EXPECT_THAT(resolve(R"({"a": {"type": "string", "secret": true}})", R"({"a": "{{ st2kv.system.name }}"})"),
              HasSubstr("encrypted values are not supported yet"));
  EXPECT_EQ(resolve(R"({"a": {"type": "string", "secret": true}})", R"({"a": "plain"})"), R"({"a":"plain"})");
}

TEST_F(Config, BadPatternInTheSchema) {
  EXPECT_THAT(resolve(R"({"a": {"type": "object", "patternProperties": {"(": {}}}})", R"({"a": {"b": "{{ 1 }}"}})"),
              HasSubstr("unterminated subpattern"));
}

TEST_F(Config, Conformance) {
  SQ_LOAD_TOPIC(topic, "config_dynamic");
  Keys system, user;
  for (const Value& entry : topic["datastore"].as_list()) {
    const bool secret = entry["secret"].bool_or(false);
    // Secrets lie encrypted in the datastore, as upper-case hexadecimal digits.
    const std::string value = secret ? std::string(96, 'A') : entry["value"].string();
    const std::string name = entry["name"].string();
    if (entry["scope"].string_or("") == "st2kv.user") {
      user[name.substr(name.find(':') + 1)] = value;
    } else {
      system[name] = value;
    }
  }
  const Value st2kv = make_st2kv(system, user);
  conformance::Report report("config_dynamic", topic);
  for (const Value& vector : topic["vectors"].as_list()) {
    const auto answer = resolve_config(conformance::decode_tagged(vector["schema"]),
                                       conformance::decode_tagged(vector["values"]), st2kv);
    const Value& pattern = vector["value"]["x"]["$matches"];
    if (pattern.is_string()) {
      const auto regex = Regex::compile(pattern.as_string());
      ASSERT_TRUE(regex.has_value());
      const auto match = regex->search(answer ? (*answer)["x"].string_or("") : "");
      report.record(vector, match && match->has_value(), "wanted a text like " + pattern.string());
      continue;
    }
    report.judge(vector, answer);
  }
  report.finish();
}

}  // namespace
}  // namespace squall::packs
