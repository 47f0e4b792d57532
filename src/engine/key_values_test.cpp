#include "engine/key_values.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "expr/expr.hpp"

namespace squall::engine {
namespace {

class KeyValues : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/squall-keys-XXXXXX";
    directory_ = mkdtemp(pattern);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string directory_;
};

class Lookup final : public expr::LazyObject {
 public:
  explicit Lookup(std::string stored) : stored_(std::move(stored)) {}
  std::string_view type_name() const override { return "KeyValueLookup"; }
  Result<Value> get(std::string_view) const override { return Value(); }
  Result<std::string> text() const override { return stored_; }
  std::string name() const override { return "st2kv.system.a.b"; }

 private:
  std::string stored_;
};

TEST_F(KeyValues, TheKeyIsMadeOnceForNobodyElse) {
  const std::string file = directory_ + "/datastore_key.json";
  const auto made = open_datastore_key(file, true);
  ASSERT_TRUE(made.has_value()) << made.error().to_string();
  struct stat info {};
  ASSERT_EQ(stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const auto again = open_datastore_key(file, true);
  EXPECT_EQ(again.value().decrypt(made->encrypt("hush")).value(), "hush");
}

TEST_F(KeyValues, AKeyFileThatIsNamedHasToBeThere) {
  const auto opened = open_datastore_key(directory_ + "/nosuch.json", false);
  ASSERT_FALSE(opened.has_value());
  EXPECT_NE(opened.error().message().find("nosuch.json"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/nosuch.json"));
}

TEST_F(KeyValues, ADamagedKeyFileIsNeverReplaced) {
  const std::string file = directory_ + "/datastore_key.json";
  ASSERT_TRUE(write_file_atomically(file, "{}").has_value());
  EXPECT_FALSE(open_datastore_key(file, true).has_value());
  EXPECT_EQ(read_file(file).value(), "{}");
}

TEST_F(KeyValues, DecryptKv) {
  const crypto::SymmetricKey key = crypto::SymmetricKey::generate(Random::system());
  const auto lookup = [](std::string stored) { return Value::object(std::make_shared<Lookup>(std::move(stored))); };
  EXPECT_EQ(decrypt_kv(key, lookup(key.encrypt("hush hush"))).value(), Value("hush hush"));
  EXPECT_EQ(decrypt_kv(key, Value(key.encrypt("x"))).value(), Value("x"));
  EXPECT_EQ(mask_secrets("say hush hush"), "say ********");
  const auto missing = decrypt_kv(key, lookup(""));
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().type(), "ValueError");
  EXPECT_EQ(missing.error().message(),
            "Referenced datastore item \"st2kv.system.a.b\" doesn't exist or it contains an empty string");
  EXPECT_EQ(decrypt_kv(key, lookup("plain")).error().type(), "Error");
}

}  // namespace
}  // namespace squall::engine
