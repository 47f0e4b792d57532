#include "packs/runner_types.hpp"

#include <gtest/gtest.h>

#include <set>

#include "packs/policy_types.hpp"
#include "packs/schema_patterns.hpp"
#include "value/conformance.hpp"
#include "value/json.hpp"
#include "value/schema.hpp"

namespace squall::packs {
namespace {

// Texts recorded as "{{string}}" may be any text.
bool matches(const Value& recorded, const Value& ours) {
  if (recorded.string_or("") == "{{string}}") return ours.is_string() && !ours.empty();
  if (recorded.is_dict()) {
    if (!ours.is_dict() || recorded.size() != ours.size()) return false;
    for (const auto& [key, member] : recorded.as_dict()) {
      if (!ours.contains(key) || !matches(member, ours[key])) return false;
    }
    return true;
  }
  if (recorded.is_list()) {
    if (!ours.is_list() || recorded.size() != ours.size()) return false;
    for (size_t i = 0; i < recorded.size(); ++i) {
      if (!matches(recorded[i], ours[i])) return false;
    }
    return true;
  }
  return recorded == ours;
}

// The documents that the transcripts show at a path, by the member that names them.
std::map<std::string, Value> recorded_at(const std::string& path, const char* key) {
  std::map<std::string, Value> found;
  const auto text = conformance::read_data("api/transcripts.json");
  if (!text) return found;
  const auto steps = parse_json(*text);
  EXPECT_TRUE(steps.has_value());
  for (const Value& step : steps->as_list()) {
    const Value& body = step["response"]["body"];
    if (step["request"]["path"].string_or("") != path || step["request"]["method"].string_or("") != "GET" ||
        !body.is_list())
      continue;
    for (Value document : body.as_list()) {
      if (!document.contains("uid")) continue;
      document.erase("id");
      found[document[key].string()] = document;
    }
  }
  return found;
}

TEST(RunnerTypes, AsRecorded) {
  const auto recorded = recorded_at("/v1/runnertypes", "name");
  if (recorded.empty()) SQ_NO_CONFORMANCE_DATA("api");
  EXPECT_EQ(recorded.size(), 14u);
  for (const auto& [name, document] : recorded) {
    const Value* ours = find_runner_type(name);
    ASSERT_NE(ours, nullptr) << name;
    EXPECT_TRUE(matches(document, *ours)) << "wanted " << to_json(document) << "\ncame   " << to_json(*ours);
  }
  std::cout << "runner types: " << recorded.size() << " compared" << std::endl;
}

TEST(RunnerTypes, PolicyTypesAsRecorded) {
  const auto recorded = recorded_at("/v1/policytypes", "ref");
  if (recorded.empty()) SQ_NO_CONFORMANCE_DATA("api");
  EXPECT_EQ(recorded.size(), policy_types().size());
  for (const auto& [ref, document] : recorded) {
    const Value* ours = find_policy_type(ref);
    ASSERT_NE(ours, nullptr) << ref;
    EXPECT_TRUE(matches(document, *ours)) << "wanted " << to_json(document) << "\ncame   " << to_json(*ours);
  }
}

TEST(RunnerTypes, ParametersAreWellFormed) {
  install_schema_patterns();
  std::set<std::string> names;
  for (const Value& type : runner_types()) {
    EXPECT_TRUE(names.insert(type["name"].string()).second);
    const Status formed = schema::check_properties(type["runner_parameters"]);
    EXPECT_TRUE(formed.has_value()) << type["name"].string() << ": " << formed.error().message();
  }
  EXPECT_EQ(names.count("native"), 1u);
  EXPECT_EQ(names.count("orchestra"), 1u);
}

TEST(RunnerTypes, OldNames) {
  const std::pair<const char*, const char*> names[] = {
      {"run-local", "local-shell-cmd"},   {"run-local-script", "local-shell-script"},
      {"run-remote", "remote-shell-cmd"}, {"run-remote-script", "remote-shell-script"},
      {"run-python", "python-script"},    {"http-runner", "http-request"},
      {"orchestra", "orquesta"},          {"action-chain", "action-chain"}};
  for (const auto& [old_name, name] : names) {
    const Value* type = find_runner_type(old_name);
    ASSERT_NE(type, nullptr) << old_name;
    EXPECT_EQ((*type)["name"].string(), name);
  }
  EXPECT_EQ(find_runner_type("nosuch"), nullptr);
}

}  // namespace
}  // namespace squall::packs
