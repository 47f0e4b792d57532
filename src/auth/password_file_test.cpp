#include "auth/password_file.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace squall::auth {
namespace {

// Made by `openssl passwd` and by Python's crypt module.
TEST(PasswordMatches, KnowsWhatHtpasswdMakes) {
  for (const char* hash :
       {"$apr1$abcdefgh$oaSoYVJC4C6GMJr5KvONr0", "$1$abcdefgh$k1RK2VMwOECfB0NdMK2451",
        "$5$abcdefgh$.0iGU2qMJl1OovxtfgHUNB9hnfa4yDNKWCP1os3kdX0",
        "$6$abcdefgh$jWY/FU8RvkPuANNBemyQvPlJtLWbBkg4bGda9Po3oORPKCd.B2glOytQ8RoH1cMiFOFVIwIAu1IaSPW9mQnmi/",
        "$2b$04$VN3m6gyAX2ew.ojcia/guuBhIk.UhtsgsigH3oB.lqIa4UW8Usib6", "{SHA}V1t6eZLxnehb7CTBuj61Nq3lIh4="}) {
    SCOPED_TRACE(hash);
    EXPECT_TRUE(password_matches("testp", hash));
    EXPECT_FALSE(password_matches("testq", hash));
    EXPECT_FALSE(password_matches("", hash));
    EXPECT_FALSE(password_matches(std::string("testp\0x", 7), hash));
  }
  EXPECT_TRUE(password_matches("a much longer password of more than sixteen bytes", "$apr1$x$mhKOem3qrRadncw.IxhD/1"));
  EXPECT_TRUE(password_matches("", "$apr1$12345678$sHuPAw7VA9xjRbJz7zKV7/"));
}

TEST(PasswordMatches, KnowsNoPasswordForBrokenHashes) {
  for (const char* hash : {"", "*", "!", "$apr1$", "$apr1$abc", "{SHA}", "$9$what$ever", "testp"}) {
    EXPECT_FALSE(password_matches("testp", hash)) << hash;
  }
}

class PasswordFileTest : public ::testing::Test {
 protected:
  PasswordFileTest() {
    char pattern[] = "/tmp/squall-auth-XXXXXX";
    directory_ = ::mkdtemp(pattern);
  }
  ~PasswordFileTest() override { std::filesystem::remove_all(directory_); }
  void write(const std::string& text) { std::ofstream(path()) << text; }
  std::string path() const { return directory_ + "/htpasswd"; }

 private:
  std::string directory_;
};

TEST_F(PasswordFileTest, FollowsTheFile) {
  write("# people\n\ntestu:{SHA}V1t6eZLxnehb7CTBuj61Nq3lIh4=\n");
  PasswordFile file(path());
  EXPECT_TRUE(file.verify("testu", "testp"));
  EXPECT_FALSE(file.verify("testu", "wrong"));
  EXPECT_FALSE(file.verify("other", "testp"));
  write("other:{SHA}V1t6eZLxnehb7CTBuj61Nq3lIh4=\n");
  EXPECT_FALSE(file.verify("testu", "testp"));
  EXPECT_TRUE(file.verify("other", "testp"));
}

TEST_F(PasswordFileTest, NamesTheLineThatIsNone) {
  write("testu:x\nnobody\n");
  const Status checked = PasswordFile::check(path());
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().where().line, 2);
  EXPECT_FALSE(PasswordFile::check(path() + ".not"));
}

}  // namespace
}  // namespace squall::auth
