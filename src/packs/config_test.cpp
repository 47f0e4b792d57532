#include "packs/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "crypto/symmetric.hpp"
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

const crypto::SymmetricKey& datastore_key() {
  static const crypto::SymmetricKey key = crypto::SymmetricKey::generate(Random::system());
  return key;
}

Result<Value> decrypt(std::string_view stored) {
  SQ_TRY(std::string plain, datastore_key().decrypt(stored));
  return Value(std::move(plain));
}

class Config : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { install_schema_patterns(); }
  std::string resolve(std::string_view schema, std::string_view values) {
    const Keys keys{{"name", "kvname"}, {"sec", datastore_key().encrypt("topsecret")}};
    const auto resolved = resolve_config("demo", from_json(schema), from_json(values), make_st2kv(keys, {}), decrypt_);
    return resolved ? to_json(*resolved) : resolved.error().to_string();
  }
  DecryptText decrypt_ = decrypt;
};

TEST_F(Config, NothingAtAll) {
  EXPECT_EQ(resolve("null", "null"), "{}");
  EXPECT_EQ(resolve("null", R"({"a": 1})"), R"({"a":1})");
}

TEST_F(Config, WithoutTemplatesTheValuesAreNotCopied) {
  const Value values = from_json(R"({"a": {"b": [1, 2]}})");
  const auto resolved = resolve_config("demo", Value(), values, Value());
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
              HasSubstr("key \"a.list.0\" with value \"{{ nosuch }}\" for pack \"demo\" config: <class "
                        "'jinja2.exceptions.UndefinedError'> 'nosuch' is undefined"));
}

TEST_F(Config, TemplateOfASecretIsDecrypted) {
  const char* secret = R"({"a": {"type": "string", "secret": true}})";
  EXPECT_EQ(resolve(secret, R"({"a": "{{ st2kv.system.sec }}"})"), R"({"a":"topsecret"})");
  EXPECT_EQ(resolve(secret, R"({"a": "{{ st2kv.system.nosuch }}"})"), R"({"a":null})");
  EXPECT_EQ(resolve(secret, R"({"a": "plain"})"), R"({"a":"plain"})");
}

TEST_F(Config, TemplateOfASecretThatIsNotEncryptedIsRefusedInWords) {
  const char* secret = R"({"a": {"type": "string", "secret": true}})";
  const std::string answer = resolve(secret, R"({"a": "{{ st2kv.system.name }}"})");
  EXPECT_THAT(answer, HasSubstr("the configuration value \"a\" is secret"));
  EXPECT_THAT(answer, HasSubstr("Non-hexadecimal digit found. Store the value with secret: true"));
  EXPECT_THAT(answer, ::testing::Not(HasSubstr("kvname"))) << "it may be a secret all the same";
  decrypt_ = nullptr;
  EXPECT_THAT(resolve(secret, R"({"a": "{{ st2kv.system.sec }}"})"), HasSubstr("set encryption_key_path"));
}

TEST_F(Config, BadPatternInTheSchema) {
  EXPECT_THAT(resolve(R"({"a": {"type": "object", "patternProperties": {"(": {}}}})", R"({"a": {"b": "{{ 1 }}"}})"),
              HasSubstr("unterminated subpattern"));
}

TEST_F(Config, Conformance) {
  SQ_LOAD_TOPIC(topic, "config_dynamic");
  Keys system, user;
  for (const Value& entry : topic["datastore"].as_list()) {
    const std::string plain = entry["value"].string();
    const std::string value = entry["secret"].bool_or(false) ? datastore_key().encrypt(plain) : plain;
    const std::string name = entry["name"].string();
    if (entry["scope"].string_or("") == "st2kv.user") {
      user[name.substr(name.find(':') + 1)] = value;
    } else {
      system[name] = value;
    }
  }
  const Value st2kv = make_st2kv(system, user);
  expr::register_host_filter("decrypt_kv", [](const Value& input, const List&) -> Result<Value> {
    SQ_TRY(const std::string stored, dynamic_cast<const expr::LazyObject&>(*input.as_object()).text());
    return decrypt(stored);
  });
  conformance::Report report("config_dynamic", topic);
  for (const Value& vector : topic["vectors"].as_list()) {
    const auto answer = resolve_config("vecpack", conformance::decode_tagged(vector["schema"]),
                                       conformance::decode_tagged(vector["values"]), st2kv, decrypt);
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

TEST(KeepMasked, SecretsThatComeBackMaskedAreTheStoredOnes) {
  const auto json = [](std::string_view text) { return *parse_json(text); };
  const Value stored = json(R"({"a": "secret", "b": {"c": "deep", "d": 1}, "l": ["x", "y"]})");
  EXPECT_EQ(keep_masked(json(R"({"a": "********", "b": {"c": "********", "d": 2}, "l": ["x", "********"]})"), stored),
            json(R"({"a": "secret", "b": {"c": "deep", "d": 2}, "l": ["x", "y"]})"));
  EXPECT_EQ(keep_masked(json(R"({"new": "********", "l": ["********"]})"), stored),
            json(R"({"new": "********", "l": ["********"]})"));
}

}  // namespace
}  // namespace squall::packs
