#include "clients/vault/secret_reference.hpp"

#include <gtest/gtest.h>

namespace squall::clients {
namespace {

TEST(SecretReferenceTest, ReadsAndWrites) {
  const char* const kTexts[] = {"secretref://vault/secret/a/b#password", "secretref://vault/kv/db?version=7#user",
                                "secretref://vault/database/static-creds/app#password"};
  for (const char* text : kTexts) {
    const auto found = SecretReference::parse(text);
    ASSERT_TRUE(found && *found) << text;
    EXPECT_EQ((*found)->to_string(), text);
  }
  EXPECT_EQ((*SecretReference::parse("secretref://vault/kv/db?version=7#user"))->version, 7);
  EXPECT_FALSE(*SecretReference::parse("a plain text"));
  EXPECT_FALSE(*SecretReference::parse(""));
}

TEST(SecretReferenceTest, MalformedOnesAreErrors) {
  for (const char* text :
       {"secretref://vault", "secretref://vault/secret#k", "secretref://vault/secret/#k", "secretref://vault/secret/a",
        "secretref://vault/secret/a#", "secretref://vault//a#k", "secretref://aws/secret/a#k",
        "secretref://vault/secret/a?version=0#k", "secretref://vault/secret/a?version=x#k"}) {
    const auto found = SecretReference::parse(text);
    ASSERT_FALSE(found) << text;
    EXPECT_EQ(found.error().type(), "InvalidSecretRef");
  }
}

}  // namespace
}  // namespace squall::clients
