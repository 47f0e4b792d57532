#include "packs/overrides.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace squall::packs {
namespace {

using ::testing::HasSubstr;

class OverridesTest : public ::testing::Test {
 protected:
  OverridesTest() {
    char pattern[] = "/tmp/squall-overrides-XXXXXX";
    directory_ = ::mkdtemp(pattern);
  }
  ~OverridesTest() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& name, const std::string& text) { std::ofstream(directory_ + "/" + name) << text; }
  Overrides read() { return Overrides::read(directory_, "p", warnings_); }
  static Value named(const std::string& name, bool enabled) {
    return Value::dict({{"name", name}, {"enabled", enabled}});
  }
  // Whether it is enabled afterwards, and whether that is said to be a change.
  static std::pair<bool, bool> applied(const Overrides& overrides, std::string_view kind, Value document) {
    const bool changed = overrides.apply(kind, document);
    return {document["enabled"].bool_or(false), changed};
  }

  std::string directory_;
  std::vector<Error> warnings_;
};

using Applied = std::pair<bool, bool>;

TEST_F(OverridesTest, ExceptionsWinOverDefaultsAndThePackOverAllPacks) {
  write("_global.yaml", "rules:\n  defaults:\n    enabled: false\nactions:\n  defaults:\n    enabled: false\n");
  write("p.yaml", "actions:\n  defaults:\n    enabled: true\n  exceptions:\n    a: {enabled: false}\n");
  const Overrides overrides = read();
  EXPECT_EQ(applied(overrides, "rules", named("r", true)), Applied(false, true));
  EXPECT_EQ(applied(overrides, "rules", named("r", false)), Applied(false, false));
  EXPECT_EQ(applied(overrides, "actions", named("a", true)), Applied(false, true));
  EXPECT_EQ(applied(overrides, "actions", named("b", false)), Applied(true, true));
  EXPECT_EQ(applied(overrides, "sensors", named("S", true)), Applied(true, false));
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(OverridesTest, NoFilesChangeNothing) {
  EXPECT_EQ(applied(read(), "actions", named("a", true)), Applied(true, false));
  EXPECT_EQ(applied(Overrides::read("", "p", warnings_), "actions", named("a", false)), Applied(false, false));
  write("p.yaml", "---\n");
  EXPECT_EQ(applied(read(), "actions", named("a", true)), Applied(true, false));
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(OverridesTest, WhatCannotBeUsedIsToldWithItsPlaceAndTheRestCounts) {
  write("_global.yaml", "actions:\n  exceptions:\n    a: {enabled: false}\n");
  write("p.yaml",
        "policies: {}\nactions:\n  defaults:\n    runner_type: noop\n    enabled: 'no'\n  exceptions:\n    b: "
        "{enabled: false}\n");
  const Overrides overrides = read();
  EXPECT_EQ(applied(overrides, "actions", named("a", true)), Applied(true, false));
  EXPECT_EQ(applied(overrides, "actions", named("b", true)), Applied(false, true));
  ASSERT_EQ(warnings_.size(), 4u);
  EXPECT_THAT(warnings_[0].to_string(), HasSubstr("_global.yaml:2"));
  EXPECT_THAT(warnings_[0].message(), HasSubstr("put them into the file of their pack"));
  EXPECT_THAT(warnings_[1].message(), HasSubstr("\"policies\" is nothing that can be overridden"));
  EXPECT_THAT(warnings_[2].to_string(), HasSubstr("p.yaml:4"));
  EXPECT_THAT(warnings_[2].message(), HasSubstr("only \"enabled\" can"));
  EXPECT_THAT(warnings_[3].message(), HasSubstr("has to be true or false"));
}

TEST_F(OverridesTest, ABrokenFileIsAWarning) {
  write("p.yaml", "actions: [\n");
  EXPECT_EQ(applied(read(), "actions", named("a", true)), Applied(true, false));
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_THAT(warnings_[0].message(), HasSubstr("not valid YAML"));
}

}  // namespace
}  // namespace squall::packs
