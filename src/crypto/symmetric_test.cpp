#include "crypto/symmetric.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace squall::crypto {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

// A key of st2-generate-symmetric-crypto-key's form. What stands encrypted below was made with the openssl program and
// Python's hmac module.
constexpr std::string_view kKeyFile = R"({"hmacKey": {"hmacKeyString": "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1-f4CBgoM",
  "size": 256}, "aesKeyString": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "mode": "CBC", "size": 256})";
constexpr std::string_view kSecret =
    "3030303030101112131415161718191A1B1C1D1E1F54924B3DA07241F16EDA919B9213D0CDAEE20A0A44E688A1DF70618356145D3159D96FB"
    "1";
constexpr std::string_view kEmpty =
    "3030303030101112131415161718191A1B1C1D1E1F5A6E045708FB7196F02E553D02C3A692AA8DA6580A7CCE410E2423B4313629FF7CCAE7D"
    "8";

SymmetricKey key() { return SymmetricKey::parse(kKeyFile).value(); }

std::string failure(const Result<std::string>& result) {
  return result ? "decrypted " + *result : result.error().type() + ": " + result.error().message();
}

TEST(Symmetric, DecryptsWhatStackStormStored) {
  EXPECT_EQ(key().decrypt(kSecret).value(), "topsécret");
  EXPECT_EQ(key().decrypt(kEmpty).value(), "");
}

TEST(Symmetric, DecryptsWhatKeyczarStored) {
  const auto old = SymmetricKey::parse(R"({"hmacKey": {"hmacKeyString": "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1-f4CBgoM==",
    "size": 256}, "aesKeyString": "AAECAwQFBgcICQoLDA0ODw==", "mode": "CBC", "size": 128})");
  EXPECT_EQ(old.value()
                .decrypt("0012345678101112131415161718191A1B1C1D1E1FF1D731CC2EAB6874762E04503EFD43C313EF13AEBDED0DFBC3"
                         "0882876E12B8EA80AEB761FAFDF1FD043F43AEF06DAE839D440086")
                .value(),
            std::string(16, 'x'));
}

TEST(Symmetric, WhatIsEncryptedIsUpperCaseAndComesBack) {
  for (const std::string plain : {"", "x", "exactly 16 bytes", "žluťoučký kůň"}) {
    const std::string stored = key().encrypt(plain);
    EXPECT_THAT(stored, MatchesRegex("3030303030[0-9A-F]+"));
    EXPECT_EQ(key().decrypt(stored).value(), plain);
  }
  EXPECT_NE(key().encrypt("x"), key().encrypt("x")) << "the same text twice shows that it is the same";
}

TEST(Symmetric, AGeneratedKeyComesBackFromItsFile) {
  const SymmetricKey made = SymmetricKey::generate(Random::system());
  const auto again = SymmetricKey::parse(made.to_json());
  ASSERT_TRUE(again.has_value()) << again.error().to_string();
  EXPECT_EQ(again->decrypt(made.encrypt("hush")).value(), "hush");
  EXPECT_THAT(failure(key().decrypt(made.encrypt("hush"))), HasSubstr("InvalidSignature"));
}

TEST(Symmetric, WhatIsNotEncryptedFailsAsInStackStorm) {
  EXPECT_EQ(failure(key().decrypt("abc")), "Error: Odd-length string");
  EXPECT_EQ(failure(key().decrypt("kvname")), "Error: Non-hexadecimal digit found");
  EXPECT_EQ(failure(key().decrypt("hé")), "ValueError: string argument should contain only ASCII characters");
  EXPECT_EQ(failure(key().decrypt("00")), "ValueError: Invalid or malformed ciphertext (too short)");
}

TEST(Symmetric, EveryChangedByteIsNoticed) {
  for (size_t i = 0; i < kSecret.size(); ++i) {
    std::string damaged(kSecret);
    damaged[i] = damaged[i] == '0' ? '1' : '0';
    EXPECT_FALSE(key().decrypt(damaged).has_value()) << i;
  }
}

TEST(Symmetric, BadKeyFiles) {
  const auto why = [](std::string_view text) {
    const auto parsed = SymmetricKey::parse(text);
    return parsed ? std::string("parsed") : parsed.error().message();
  };
  EXPECT_THAT(why("[]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(why(R"({"aesKeyString": "AAEC"})"), HasSubstr("hmacKeyString"));
  EXPECT_THAT(why(R"({"aesKeyString": "AAEC", "hmacKey": {"hmacKeyString": "AAEC"}})"),
              HasSubstr("Unsafe key size: 24"));
  EXPECT_THAT(why(R"({"aesKeyString": "AAEC", "hmacKey": {"hmacKeyString": "AAEC"}, "mode": "ECB"})"),
              HasSubstr("Unsupported mode: ECB"));
  EXPECT_THAT(SymmetricKey::read("/nonexistent/key.json").error().message(), HasSubstr("/nonexistent/key.json"));
}

}  // namespace
}  // namespace squall::crypto
