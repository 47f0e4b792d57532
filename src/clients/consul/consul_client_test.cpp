#include "clients/consul/consul_client.hpp"

#include <gmock/gmock.h>

#include <filesystem>

#include "base/strings.hpp"
#include "net/test_server.hpp"
#include "value/json.hpp"

namespace squall::clients {
namespace {

using namespace std::chrono_literals;
using net::ServerRequest;
using net::ServerResponse;
using ::testing::HasSubstr;

TEST(BlockingQueryTest, IndexRules) {
  BlockingQuery query(30s);
  EXPECT_EQ(query.parameters(), "") << "the first read does not wait";
  EXPECT_TRUE(query.take(42));
  EXPECT_EQ(query.parameters(), "index=42&wait=30s");
  EXPECT_FALSE(query.take(42));
  EXPECT_TRUE(query.take(50));
  EXPECT_TRUE(query.take(7)) << "restored from a snapshot";
  EXPECT_EQ(query.parameters(), "") << "start over";
  query.take(0);
  EXPECT_EQ(query.parameters(), "index=1&wait=30s") << "0 would never wait";
  EXPECT_GT(query.http_timeout(), 31s);
  EXPECT_EQ(BlockingQuery(2h, 5).parameters(), "index=5&wait=600s");
}

class ConsulClientTest : public ::testing::Test {
 protected:
  ConsulClient client(const Value& config = {}, const Value& parameters = {}) {
    Value full = config.is_dict() ? config : Value::empty_dict();
    full.set("address", server_.url(""));
    return ConsulClient(
        http_, ConsulSettings::read(full, parameters, [](const std::string&) { return std::string(); }).value());
  }

  std::vector<ServerRequest> requests_;
  ServerResponse next_{.body = "true"};
  net::testing::TestServer server_{[this](const ServerRequest& request) {
    requests_.push_back(request);
    return next_;
  }};
  net::HttpClient http_;
};

TEST_F(ConsulClientTest, ScopesTokenAndFlags) {
  char folder[] = "/tmp/squall-consul-XXXXXX";
  const std::string file = std::string(mkdtemp(folder)) + "/token";
  ASSERT_TRUE(write_file_atomically(file, "acl-token\n"));
  auto consul = client(Value::dict({{"token_file", file}, {"datacenter", "dc1"}}),
                       Value::dict({{"datacenter", "dc2"}, {"namespace", "team"}, {"partition", "p"}}));
  const auto written = consul.put("a b", "v", {.cas = 3, .flags = 9, .acquire = "s-1"}, {});
  ASSERT_TRUE(written && *written);
  EXPECT_EQ(requests_.at(0).path, "/v1/kv/a b");
  const net::QueryParameters expected = {{"cas", "3"},  {"flags", "9"}, {"acquire", "s-1"},
                                         {"dc", "dc2"}, {"ns", "team"}, {"partition", "p"}};
  EXPECT_EQ(requests_[0].query, expected);
  EXPECT_EQ(requests_[0].headers.get("X-Consul-Token"), "acl-token");
  std::filesystem::remove_all(folder);
}

TEST_F(ConsulClientTest, FiveHundredsAreToldApart) {
  const auto type_of = [&](int status, const char* text) {
    next_ = {.status = status, .content_type = "text/plain", .body = text};
    return client().remove_tree("x", {}).error();
  };
  EXPECT_EQ(type_of(500, "No cluster leader").type(), "ConsulNoLeader");
  EXPECT_EQ(type_of(500, "rpc error getting client: failed to get conn: dial tcp: connect: connection refused").code(),
            ErrorCode::kUnavailable);
  EXPECT_EQ(type_of(500, "invalid session \"abc\"").type(), "SessionLost");
  EXPECT_EQ(type_of(500, "Must provide node").code(), ErrorCode::kRemote) << "waiting would not help";
  EXPECT_EQ(type_of(503, "").type(), "ConsulUnavailable");
  EXPECT_EQ(type_of(429, "").type(), "ConsulRateLimited");
  EXPECT_EQ(type_of(403, "Permission denied").code(), ErrorCode::kPermissionDenied);
  EXPECT_EQ(type_of(413, "too large").type(), "ValueTooLarge");
}

TEST_F(ConsulClientTest, ARefusedTransactionSaysWhichOperation) {
  next_ = {.status = 409, .body = R"({"Results": null, "Errors": [{"OpIndex": 2, "What": "index is stale"}]})"};
  const auto refused = client().transaction(Value::empty_list(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().type(), "TransactionRefused");
  EXPECT_THAT(refused.error().message(), HasSubstr("operation 2: index is stale"));
}

TEST_F(ConsulClientTest, NoLeaderIsKnownBeforeATransaction) {
  next_ = {.body = "\"\""};
  EXPECT_EQ(client().check_leader({}).error().type(), "ConsulNoLeader");
  next_ = {.body = "\"127.0.0.1:8300\""};
  EXPECT_TRUE(client().check_leader({}));
}

TEST_F(ConsulClientTest, SessionsThatAreGone) {
  next_ = {.status = 404, .content_type = "text/plain", .body = "Session id 'x' not found"};
  EXPECT_FALSE(*client().renew_session("x", {}));
  next_ = {.body = "[]"};
  EXPECT_TRUE(client().find_session("x", {})->is_null());
}

}  // namespace
}  // namespace squall::clients
