#include "crypto/password.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/log.hpp"

namespace squall::crypto {
namespace {

TEST(Password, IsAlphanumericWithAllKindsAndNeverTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 500; ++i) {
    const std::string password = generate_password(Random::system(), i % 2 == 0 ? 27 : 8);
    EXPECT_EQ(password.size(), i % 2 == 0 ? 27u : 8u);
    EXPECT_TRUE(
        std::all_of(password.begin(), password.end(), [](unsigned char c) { return c < 128 && std::isalnum(c); }));
    EXPECT_TRUE(std::any_of(password.begin(), password.end(), [](unsigned char c) { return std::islower(c); }));
    EXPECT_TRUE(std::any_of(password.begin(), password.end(), [](unsigned char c) { return std::isupper(c); }));
    EXPECT_TRUE(std::any_of(password.begin(), password.end(), [](unsigned char c) { return std::isdigit(c); }));
    EXPECT_TRUE(seen.insert(password).second);
  }
}

TEST(Password, UsesEveryCharacterAboutEquallyOften) {
  std::array<int, 256> count{};
  constexpr int kPasswords = 3000;
  for (int i = 0; i < kPasswords; ++i) {
    for (const unsigned char c : generate_password(Random::system())) ++count[c];
  }
  // 1306 expected each, standard deviation 36; six of them off is one in a billion.
  for (const unsigned char c : std::string("abcmzABCMZ")) EXPECT_NEAR(count[c], kPasswords * 27 / 62, 220) << c;
  // Digits are a little likelier, since candidates without one are thrown away (1 in 106).
  for (const unsigned char c : std::string("059")) EXPECT_NEAR(count[c], kPasswords * 27 / 62, 240) << c;
}

TEST(Password, IsMaskedInLogs) {
  const std::string password = generate_password(Random::system());
  EXPECT_EQ(mask_secrets("the password is " + password + "."), "the password is ********.");
}

}  // namespace
}  // namespace squall::crypto
