#include "text/semver.hpp"

#include <gtest/gtest.h>

#include "value/conformance.hpp"

namespace squall::semver {
namespace {

template <typename T>
Result<Value> as_value(const Result<T>& result) {
  if (!result) return fail(result.error());
  return Value(*result);
}

Result<Value> run(const Value& vector) {
  const std::string function = vector["fn"].string();
  const Value& version = vector["args"][0];
  const Value& other = vector["args"][1];
  if (function == "version_match") return as_value(version_match(version, other));
  if (function == "version_bump_major") return as_value(version_bump(version, Part::kMajor));
  if (function == "version_bump_minor") return as_value(version_bump(version, Part::kMinor));
  if (function == "version_bump_patch") return as_value(version_bump(version, Part::kPatch));
  if (function == "version_strip_patch") return as_value(version_strip_patch(version));
  SQ_TRY(const int order, version_compare(version, other));
  if (function == "version_more_than") return Value(order == 1);
  if (function == "version_less_than") return Value(order == -1);
  if (function == "version_equal") return Value(order == 0);
  return Value(order);
}

TEST(SemverConformance, PythonSemver3) {
  SQ_LOAD_TOPIC(topic, "semver");
  conformance::Report report("semver", topic);
  for (const Value& vector : topic["vectors"].as_list()) {
    report.judge(vector, run(conformance::decode_tagged(vector)));
  }
  report.finish();
}

TEST(Semver, NumbersHaveNoLimit) {
  const auto big = parse("99999999999999999999999.0.0");
  ASSERT_TRUE(big);
  EXPECT_EQ(bump(*big, Part::kMajor), "100000000000000000000000.0.0");
  EXPECT_GT(compare(*big, *parse("9223372036854775807.0.0")), 0);
}

TEST(Semver, TheBuildIsNeverCompared) { EXPECT_EQ(compare(*parse("1.0.0-a+b1"), *parse("1.0.0-a+b2")), 0); }

}  // namespace
}  // namespace squall::semver
