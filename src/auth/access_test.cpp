#include "auth/access.hpp"

#include <gtest/gtest.h>

#include "store/memory/memory_store.hpp"

namespace squall::auth {
namespace {

using store::Collection;

// Runs what is posted when the test says so.
class QueueExecutor final : public Executor {
 public:
  void post(std::function<void()> task) override { tasks_.push_back(std::move(task)); }
  TimerId post_after(Duration, std::function<void()> task) override {
    post(std::move(task));
    return 0;
  }
  void cancel(TimerId) override {}
  bool is_current() const override { return true; }
  void run() {
    while (!tasks_.empty()) {
      auto tasks = std::move(tasks_);
      tasks_.clear();
      for (const auto& task : tasks) task();
    }
  }

 private:
  std::vector<std::function<void()>> tasks_;
};

class AccessTest : public ::testing::Test {
 protected:
  Value settled(const std::function<void(const Access::Done&)>& ask) {
    Value answer;
    ask([&](const Result<Value>& done) { answer = done ? *done : Value("error: " + done.error().message()); });
    store.drain();
    executor.run();
    return answer;
  }
  Value token(int64_t ttl_s = 0) {
    return settled([&](const Access::Done& done) { access.make_token("ann", ttl_s, {}, done); });
  }
  Value api_key(const Value& given = Value::empty_dict()) {
    return settled([&](const Access::Done& done) { access.make_api_key(given, "ann", done); });
  }
  size_t count(Collection collection) {
    size_t found = 0;
    EXPECT_TRUE(store.read([&](store::ReadTx& tx) -> Status {
      SQ_TRY(const auto page, tx.list(collection, {}));
      found = page.records.size();
      return {};
    }));
    return found;
  }

  QueueExecutor executor;
  ManualClock clock{Timestamp(std::chrono::seconds(1'700'000'000))};
  store::MemoryStore store{{.own_thread = false}};
  Access access{executor, clock, store, Random::system()};
};

TEST_F(AccessTest, ATokenIsGoodUntilItExpires) {
  const Value made = token(60);
  const std::string text = made["token"].string();
  EXPECT_EQ(text.size(), 32u);
  const auto who = access.check_token(text);
  ASSERT_TRUE(who) << who.error().to_string();
  EXPECT_EQ(who->user, "ann");
  EXPECT_EQ(format_timestamp(*who->expires), made["expiry"].string());
  clock.advance(std::chrono::seconds(60));
  const auto late = access.check_token(text);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().message(), "Unauthorized - Token has expired.");
  EXPECT_EQ(access.check_token("nosuch").error().message(), "Unauthorized");
}

TEST_F(AccessTest, ExpiredTokensGoWithTheNextOne) {
  token(10);
  token(100);
  clock.advance(std::chrono::seconds(11));
  token();
  EXPECT_EQ(count(Collection::kTokens), 2u);
}

TEST_F(AccessTest, WhatIsStoredLetsNobodyIn) {
  const std::string text = token()["token"].string(), key = api_key()["key"].string();
  for (const Collection collection : {Collection::kTokens, Collection::kApiKeys}) {
    EXPECT_TRUE(store.read([&](store::ReadTx& tx) -> Status {
      SQ_TRY(const auto page, tx.list(collection, {}));
      for (const auto& record : page.records) {
        for (const auto& [name, value] : record.document.as_dict()) {
          EXPECT_NE(value.string(), text);
          EXPECT_NE(value.string(), key);
        }
        EXPECT_NE(record.id, text);
      }
      return {};
    }));
  }
}

TEST_F(AccessTest, ApiKeysAreFoundByIdAndByThemselves) {
  const Value made = api_key(Value::dict({{"metadata", Value::dict({{"for", "ci"}})}}));
  const std::string key = made["key"].string();
  ASSERT_TRUE(access.check_api_key(key));
  EXPECT_EQ(access.check_api_key(key)->user, "ann");
  EXPECT_EQ((*access.find_api_key(key))["id"], made["id"]);
  EXPECT_EQ((*access.find_api_key(made["id"].string()))["key_hash"].string(), api_key_hash(key));
  Value changed = *access.find_api_key(key);
  changed.set("enabled", false);
  settled([&](const Access::Done& done) { access.put_api_key(changed, done); });
  EXPECT_EQ(access.check_api_key(key).error().message(), "Unauthorized - API key is disabled.");
  settled([&](const Access::Done& done) { access.remove_api_key(made["id"].string(), done); });
  EXPECT_EQ(access.check_api_key(key).error().message(),
            "Unauthorized - ApiKey with key_hash=" + api_key_hash(key) + " not found.");
}

TEST_F(AccessTest, AKeyThatWasMadeElsewhereIsKnownByItsHash) {
  const Value made = api_key(Value::dict({{"key_hash", api_key_hash("from-elsewhere")}, {"user", "bob"}}));
  EXPECT_TRUE(made["key"].is_null());
  ASSERT_TRUE(access.check_api_key("from-elsewhere"));
  EXPECT_EQ(access.check_api_key("from-elsewhere")->user, "bob");
}

TEST_F(AccessTest, TokensOfExecutionsAreSigned) {
  const std::string given = access.execution_token("0123456789abcdef01234567");
  EXPECT_EQ(access.execution_of(given), "0123456789abcdef01234567");
  std::string forged = given;
  forged[0] = '1';
  EXPECT_EQ(access.execution_of(forged), "");
  EXPECT_EQ(access.execution_of("short"), "");
  Access other(executor, clock, store, Random::system());
  EXPECT_EQ(other.execution_of(given), "") << "another process has another key";
}

}  // namespace
}  // namespace squall::auth
