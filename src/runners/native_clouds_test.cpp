// The metadata that people see and the code that runs must not drift apart.
#include <gtest/gtest.h>

#include "base/strings.hpp"
#include "runners/native_consul.hpp"
#include "runners/native_vault.hpp"
#include "value/yaml.hpp"

namespace squall::runners {
namespace {

void check_pack(const std::string& pack, const NativeRegistry& registry) {
  ASSERT_FALSE(registry.names().empty());
  for (const std::string& name : registry.names()) {
    const std::string action = name.substr(pack.size() + 1);
    const auto text = read_file(SQUALL_SOURCE_DIR "/packs/" + pack + "/actions/" + action + ".yaml");
    ASSERT_TRUE(text) << name;
    const Value metadata = parse_yaml(*text).value();
    EXPECT_EQ(metadata["name"], Value(action));
    EXPECT_EQ(metadata["entry_point"], Value(name));
    EXPECT_EQ(metadata["runner_type"], Value("native"));
    EXPECT_TRUE(metadata["parameters"].contains("unavailable_timeout")) << name;
    for (const auto& [parameter, schema] : metadata["parameters"].as_dict()) {
      EXPECT_TRUE(schema["description"].is_string()) << name << " " << parameter;
      if (parameter.find("password") != std::string::npos && schema["type"].string_or("") == "string" &&
          parameter != "password_policy") {
        EXPECT_EQ(schema["secret"], Value(true)) << name << " " << parameter;
      }
    }
  }
}

TEST(NativeCloudsTest, EveryVaultActionHasItsMetadata) {
  NativeRegistry registry;
  add_vault_actions(registry);
  check_pack("vault", registry);
}

TEST(NativeCloudsTest, EveryConsulActionHasItsMetadata) {
  NativeRegistry registry;
  add_consul_actions(registry);
  check_pack("consul", registry);
}

}  // namespace
}  // namespace squall::runners
