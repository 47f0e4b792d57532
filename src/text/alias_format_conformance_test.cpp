#include <gtest/gtest.h>

#include "text/alias_format.hpp"
#include "value/conformance.hpp"

namespace squall {
namespace {

Result<Value> run(const Value& vector) {
  const std::string_view format = vector["format"].as_string(), text = vector["text"].as_string();
  auto found = vector["match_multiple"].bool_or(false) ? extract_all_alias_parameters(format, text)
                                                       : extract_alias_parameters(format, text);
  // The class of a broken expression is re.error; its own name is "error".
  if (!found && found.error().type() == "re.error") return fail(found.error().with_type("error"));
  return found;
}

TEST(AliasFormatConformance, Commands) {
  SQ_LOAD_TOPIC(topic, "alias_formats");
  conformance::Report report("alias_formats", topic);
  for (const Value& vector : topic["vectors"].as_list()) report.judge(vector, run(conformance::decode_tagged(vector)));
  report.finish();
}

TEST(AliasFormat, KeepsTheFormsOfValuesApart) {
  const auto values =
      extract_alias_parameters("run {{cmd}} on {{host=localhost}}", "run 'a b' on web1 extra={\"k\": 1}");
  ASSERT_TRUE(values) << values.error().to_string();
  EXPECT_EQ((*values)["cmd"], Value("a b"));
  EXPECT_EQ((*values)["host"], Value("web1"));
  EXPECT_EQ((*values)["extra"], Value("{\"k\": 1}"));
  EXPECT_FALSE(extract_alias_parameters("run {{cmd}}", "walk"));
  const auto broken = extract_alias_parameters("run (", "run");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().type(), "re.error");
}

}  // namespace
}  // namespace squall
