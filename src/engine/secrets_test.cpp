#include "engine/secrets.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/strings.hpp"

namespace squall::engine {
namespace {

using ::testing::HasSubstr;

class Sealer : public ::testing::Test {
 protected:
  Sealer() {
    char pattern[] = "/tmp/squall-sealer-XXXXXX";
    directory_ = ::mkdtemp(pattern);
  }
  ~Sealer() override { std::filesystem::remove_all(directory_); }
  std::string file() const { return directory_ + "/secret.key"; }
  std::string directory_;
  const Value secret_ = Value::dict({{"token", "correct-horse"}, {"n", 5}});
};

TEST_F(Sealer, WhatWasSealedComesBackAndLooksLikeNothing) {
  const SecretSealer sealer = SecretSealer::ephemeral();
  const std::string sealed = sealer.seal(secret_);
  EXPECT_EQ(sealed.find("horse"), std::string::npos);
  EXPECT_EQ(base64_decode(sealed)->find("horse"), std::string::npos);
  EXPECT_NE(sealer.seal(secret_), sealed) << "the same value twice must not look the same";
  const auto opened = sealer.unseal(sealed);
  ASSERT_TRUE(opened);
  EXPECT_TRUE(*opened == secret_);
}

TEST_F(Sealer, EveryChangedByteIsNoticed) {
  const SecretSealer sealer = SecretSealer::ephemeral();
  const std::string bytes = *base64_decode(sealer.seal(secret_));
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    const auto opened = sealer.unseal(base64_encode(damaged));
    ASSERT_FALSE(opened) << "byte " << i;
    EXPECT_EQ(opened.error().code(), ErrorCode::kInvalid);
  }
  for (const char* text : {"", "x", "AAAA", "not base64!"}) EXPECT_FALSE(sealer.unseal(text)) << text;
  EXPECT_FALSE(SecretSealer::ephemeral().unseal(sealer.seal(secret_))) << "another key";
}

TEST_F(Sealer, TheKeyIsKeptAndPrivate) {
  const auto made = SecretSealer::open(file());
  ASSERT_TRUE(made);
  struct stat info = {};
  ASSERT_EQ(::stat(file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const auto again = SecretSealer::open(file());
  ASSERT_TRUE(again);
  const auto opened = again->unseal(made->seal(secret_));
  ASSERT_TRUE(opened);
  EXPECT_TRUE(*opened == secret_);
}

TEST_F(Sealer, ADamagedKeyFileIsToldAndNotReplaced) {
  std::ofstream(file()) << "short";
  const auto opened = SecretSealer::open(file());
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message(), HasSubstr("backup"));
  EXPECT_EQ(*read_file(file()), "short");
}

}  // namespace
}  // namespace squall::engine
