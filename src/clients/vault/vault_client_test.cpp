#include "clients/vault/vault_client.hpp"

#include <gmock/gmock.h>

#include <filesystem>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "net/test_server.hpp"
#include "value/json.hpp"

namespace squall::clients {
namespace {

using namespace std::chrono_literals;
using net::ServerRequest;
using net::ServerResponse;
using ::testing::HasSubstr;

// As much of Vault as the tests need: tokens that can be killed, one KV engine of each version.
struct FakeVault {
  std::mutex mutex;
  std::vector<ServerRequest> requests;
  std::set<std::string> live = {"static-token"};
  std::set<std::string> denied;  // paths
  int logins = 0;
  int64_t lease = 3600;  // of a login
  int64_t renewed_lease = 3600;
  bool renewable = true;
  int status = 0;  // answer everything with this
  std::string redirect;
  bool no_patch = false;
  Value metadata;  // custom_metadata of secret/m

  static ServerResponse json(const Value& value, int status = 200) {
    return {.status = status, .body = to_json(value)};
  }
  static ServerResponse error(int status, const char* text) {
    return json(Value::dict({{"errors", Value::list({text})}}), status);
  }
  static Value auth(const std::string& token, int64_t lease_s, bool renewable_token) {
    return Value::dict(
        {{"auth",
          Value::dict({{"client_token", token}, {"lease_duration", lease_s}, {"renewable", renewable_token}})}});
  }
  size_t count(std::string_view path) {
    const std::lock_guard lock(mutex);
    return static_cast<size_t>(
        std::count_if(requests.begin(), requests.end(), [&](const auto& each) { return each.path == path; }));
  }

  ServerResponse answer(const ServerRequest& request) {
    const std::lock_guard lock(mutex);
    requests.push_back(request);
    if (status != 0) return error(status, "Vault is sealed");
    if (!redirect.empty()) {
      ServerResponse away{.status = 307};
      away.headers.set("Location", std::exchange(redirect, ""));
      return away;
    }
    if (request.path.ends_with("/login")) {
      const std::string token = "login-token-" + std::to_string(++logins);
      live.insert(token);
      return json(auth(token, lease, renewable));
    }
    const std::string token(request.headers.get("X-Vault-Token"));
    if (!live.contains(token) || denied.contains(request.path)) return error(403, "permission denied");
    if (request.path == "/v1/auth/token/lookup-self")
      return json(
          Value::dict({{"data", Value::dict({{"ttl", lease}, {"creation_ttl", lease}, {"renewable", renewable}})}}));
    if (request.path == "/v1/auth/token/renew-self") return json(auth(token, renewed_lease, renewable));
    if (request.path.starts_with("/v1/sys/internal/ui/mounts/")) return mount(request.path.substr(27));
    if (request.path == "/v1/secret/data/a") {
      return json(Value::dict({{"data", Value::dict({{"data", Value::dict({{"password", "canary-pass"}})},
                                                     {"metadata", Value::dict({{"version", 3}})}})}}));
    }
    if (request.path == "/v1/old/a" && request.method == "GET")
      return json(Value::dict({{"data", Value::dict({{"password", "old-canary"}})}}));
    if (request.path == "/v1/team/kv/data/x/y")
      return json(Value::dict({{"data", Value::dict({{"data", Value::dict({{"k", "deep"}})},
                                                     {"metadata", Value::dict({{"version", 1}})}})}}));
    if (request.path == "/v1/database/static-creds/app")
      return json(Value::dict({{"data", Value::dict({{"password", "static-canary"}})}}));
    if (request.path == "/v1/secret/metadata/m") {
      if (request.method == "PATCH" && no_patch) return error(403, "permission denied");
      if (request.method == "POST") metadata = parse_json(request.body).value()["custom_metadata"];
      return json(Value::dict({{"data", Value::dict({{"custom_metadata", metadata}})}}));
    }
    if (request.path == "/v1/secret/data/cas")
      return error(400, "check-and-set parameter did not match the current version");
    return json(Value::dict({{"errors", Value::empty_list()}}), 404);
  }
  static ServerResponse mount(std::string_view path) {
    const auto kv = [](const char* where, const char* version) {
      return json(Value::dict(
          {{"data",
            Value::dict({{"path", where}, {"type", "kv"}, {"options", Value::dict({{"version", version}})}})}}));
    };
    if (path.starts_with("secret/")) return kv("secret/", "2");
    if (path.starts_with("old/")) return kv("old/", "1");
    if (path.starts_with("team/kv/")) return kv("team/kv/", "2");
    if (path.starts_with("database/"))
      return json(Value::dict({{"data", Value::dict({{"path", "database/"}, {"type", "database"}})}}));
    return error(403, "preflight capability check returned 403");
  }
};

class VaultClientTest : public ::testing::Test {
 protected:
  VaultSettings settings(const Value& config = {}) {
    Value full = config.is_dict() ? config : Value::dict({{"role_id", "r"}, {"secret_id", "s"}});
    full.set("address", server_.url(""));
    return VaultSettings::read(full, [](const std::string&) { return std::string(); }).value();
  }
  std::shared_ptr<VaultSession> session(const Value& config = {}) {
    return std::make_shared<VaultSession>(http_, clock_, Random::system(), settings(config));
  }

  FakeVault vault_;
  net::testing::TestServer server_{[this](const ServerRequest& request) { return vault_.answer(request); }};
  net::HttpClient http_;
  ManualClock clock_{parse_timestamp("2026-11-22T12:00:00Z").value()};
};

TEST_F(VaultClientTest, ADeadTokenLeadsToOneLoginAndOneMoreTry) {
  VaultClient client(session());
  ASSERT_TRUE(client.read("secret", "a", {}));
  EXPECT_EQ(vault_.logins, 1);
  vault_.live.clear();
  const auto again = client.read("secret", "a", {});
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->version, 3);
  EXPECT_EQ(vault_.logins, 2);
  EXPECT_EQ(mask_secrets("canary-pass login-token-1"), "******** ********");
}

TEST_F(VaultClientTest, AMissingRightIsNoReasonToLogIn) {
  VaultClient client(session());
  vault_.denied = {"/v1/secret/data/a"};
  for (int i = 0; i < 3; ++i) {
    const auto denied = client.read("secret", "a", {});
    ASSERT_FALSE(denied);
    EXPECT_EQ(denied.error().type(), "AccessDenied");
    EXPECT_EQ(denied.error().http_status(), 403);
  }
  EXPECT_EQ(vault_.logins, 1);
}

TEST_F(VaultClientTest, KubernetesLoginReadsTheTokenAnew) {
  char folder[] = "/tmp/squall-vault-XXXXXX";
  const std::string file = std::string(mkdtemp(folder)) + "/token";
  ASSERT_TRUE(write_file_atomically(file, "jwt-number-one\n"));
  VaultClient client(session(Value::dict(
      {{"kubernetes_role", "squall"}, {"kubernetes_token_file", file}, {"auth_mount", "kubernetes/prod"}})));
  ASSERT_TRUE(client.read("secret", "a", {}));
  EXPECT_EQ(vault_.requests.at(0).path, "/v1/auth/kubernetes/prod/login");
  EXPECT_EQ(parse_json(vault_.requests[0].body).value(), Value::dict({{"role", "squall"}, {"jwt", "jwt-number-one"}}));
  ASSERT_TRUE(write_file_atomically(file, "jwt-number-two"));
  vault_.live.clear();
  ASSERT_TRUE(client.read("secret", "a", {}));
  bool second = false;
  for (const auto& request : vault_.requests)
    second = second || request.body.find("jwt-number-two") != std::string::npos;
  EXPECT_TRUE(second);
  std::filesystem::remove_all(folder);
}

TEST_F(VaultClientTest, RenewsAtTwoThirdsAndLogsInNearTheLastEnd) {
  const auto used = session();
  VaultClient client(used);
  ASSERT_TRUE(client.read("secret", "a", {}));
  const auto due = used->renewal_due();
  ASSERT_TRUE(due);
  EXPECT_LE(*due, clock_.monotonic() + 2400s);
  EXPECT_GE(*due, clock_.monotonic() + 2200s);
  clock_.advance(2400s);
  used->renew({});
  EXPECT_EQ(vault_.count("/v1/auth/token/renew-self"), 1u);
  EXPECT_EQ(vault_.logins, 1);
  EXPECT_GT(*used->renewal_due(), clock_.monotonic());
  vault_.renewed_lease = 600;  // its max TTL is near
  used->renew({});
  EXPECT_EQ(vault_.logins, 2);
  vault_.renewed_lease = 3600;
  used->renew({});
  EXPECT_EQ(vault_.logins, 2);
  vault_.status = 503;
  used->renew({});
  EXPECT_EQ(*used->renewal_due(), clock_.monotonic() + 10s) << "tried again when Vault is back";
}

TEST_F(VaultClientTest, ATokenOfTheConfigIsRenewedIfItHasAnEnd) {
  const auto used = session(Value::dict({{"token", "static-token"}}));
  VaultClient client(used);
  ASSERT_TRUE(client.read("secret", "a", {}));
  EXPECT_EQ(*used->renewal_due(), clock_.monotonic()) << "nothing is known about it yet";
  used->renew({});
  EXPECT_EQ(vault_.count("/v1/auth/token/lookup-self"), 1u);
  EXPECT_GT(*used->renewal_due(), clock_.monotonic() + 2200s);
  used->renew({});
  EXPECT_EQ(vault_.count("/v1/auth/token/renew-self"), 1u);

  vault_.lease = 0;  // a root token
  const auto root = session(Value::dict({{"token", "static-token"}}));
  ASSERT_TRUE(VaultClient(root).read("secret", "a", {}));
  root->renew({});
  EXPECT_FALSE(root->renewal_due());
}

TEST_F(VaultClientTest, ClientsRenewInTheBackground) {
  vault_.lease = vault_.renewed_lease = 1;
  VaultClients clients(http_, Clock::system(), Random::system());
  const auto client = clients.get(settings());
  EXPECT_EQ(client, clients.get(settings())) << "a login is shared";
  ASSERT_TRUE(client->read("secret", "a", {}));
  for (int i = 0; i < 200 && vault_.count("/v1/auth/token/renew-self") == 0; ++i) std::this_thread::sleep_for(50ms);
  EXPECT_GE(vault_.count("/v1/auth/token/renew-self"), 1u);
}

TEST_F(VaultClientTest, ARedirectOfAStandbyGetsTheToken) {
  FakeVault active;
  active.live = {"static-token"};
  net::testing::TestServer other([&](const ServerRequest& request) { return active.answer(request); });
  vault_.redirect = other.url("/v1/secret/data/a");
  const auto used = session(Value::dict({{"token", "static-token"}}));
  const auto answer = used->send({.path = "secret/data/a"}, {});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(active.requests.at(0).headers.get("X-Vault-Token"), "static-token");
}

TEST_F(VaultClientTest, EnginesOfBothVersionsAndMountsWithSlashes) {
  VaultClient client(session());
  const auto old = client.read("old", "a", {});
  ASSERT_TRUE(old) << old.error().message();
  EXPECT_FALSE(old->has_versions);
  EXPECT_EQ(old->data["password"], Value("old-canary"));
  EXPECT_EQ(client.metadata("old", "a", {}).error().type(), "KvVersion1");
  EXPECT_EQ(client.write("old", "a", Value::dict({{"k", "v"}}), 0, {}).error().type(), "CheckAndSetMismatch");
  const auto resolved = client.resolve({"team", "kv/x/y", "k"}, {});
  ASSERT_TRUE(resolved) << resolved.error().message();
  EXPECT_EQ(*resolved, "deep");
  EXPECT_EQ(vault_.count("/v1/sys/internal/ui/mounts/old/a"), 1u) << "a mount is looked up once";
}

TEST_F(VaultClientTest, MetadataIsMergedWithoutTheRightToPatch) {
  VaultClient client(session());
  vault_.no_patch = true;
  vault_.metadata = Value::dict({{"keep", "1"}, {"drop", "2"}, {"change", "3"}});
  const Value fields =
      Value::dict({{"custom_metadata", Value::dict({{"drop", Value()}, {"change", "4"}, {"add", "5"}})}});
  ASSERT_TRUE(client.put_metadata("secret", "m", fields, true, {}));
  EXPECT_EQ(vault_.metadata, Value::dict({{"keep", "1"}, {"change", "4"}, {"add", "5"}}));
}

TEST_F(VaultClientTest, ReferencesOfTheDatabaseEngine) {
  VaultClient client(session());
  EXPECT_EQ(*client.resolve({"database", "static-creds/app", "password"}, {}), "static-canary");
  EXPECT_EQ(client.resolve({"database", "creds/app", "password"}, {}).error().type(), "InvalidSecretRef");
  EXPECT_EQ(client.resolve({"database", "static-creds/nobody", "password"}, {}).error().type(), "NotFound");
  EXPECT_EQ(client.resolve({"secret", "a", "nokey"}, {}).error().type(), "NotFound");
}

TEST_F(VaultClientTest, ErrorsHaveTypes) {
  VaultClient client(session());
  ASSERT_TRUE(client.read("secret", "a", {}));
  EXPECT_EQ(client.write("secret", "cas", Value::dict({{"k", "v"}}), 4, {}).error().code(), ErrorCode::kConflict);
  const std::pair<int, const char*> kExpected[] = {{503, "VaultSealed"},      {501, "VaultNotInitialized"},
                                                   {473, "VaultStandby"},     {429, "VaultRateLimited"},
                                                   {502, "VaultUnavailable"}, {412, "VaultUnavailable"}};
  for (const auto& [status, type] : kExpected) {
    vault_.status = status;
    const auto answer = client.read("secret", "a", {});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().type(), type);
    EXPECT_EQ(answer.error().code(), ErrorCode::kUnavailable);
  }
  VaultSettings nowhere = settings();
  nowhere.address = "http://127.0.0.1:1";
  VaultClient lost(std::make_shared<VaultSession>(http_, clock_, Random::system(), nowhere));
  EXPECT_EQ(lost.read("secret", "a", {}).error().type(), "VaultUnavailable");
}

TEST(VaultSettingsTest, ConfigAndEnvironment) {
  std::map<std::string, std::string> variables = {{"VAULT_ADDR", "https://v:8200/"}};
  const auto read = [&](const Value& config) {
    return VaultSettings::read(config, [&](const std::string& name) { return variables[name]; });
  };
  EXPECT_THAT(read({}).error().message(), HasSubstr("no credentials"));
  variables["VAULT_TOKEN"] = "t";
  EXPECT_EQ(read({})->auth, VaultAuth::kToken);
  EXPECT_EQ(read({})->address, "https://v:8200");
  variables["VAULT_ROLE_ID"] = "r";
  EXPECT_EQ(read({})->auth, VaultAuth::kAppRole);
  variables["VAULT_KUBERNETES_ROLE"] = "k";
  EXPECT_EQ(read({})->auth, VaultAuth::kKubernetes);
  EXPECT_EQ(read({})->auth_mount, "kubernetes");
  EXPECT_EQ(read(Value::dict({{"auth", "token"}}))->token, "t");
  EXPECT_EQ(read(Value::dict({{"role_id", "mine"}}))->role_id, "mine");
  EXPECT_EQ(read(Value::dict({{"role_id", "mine"}}))->kubernetes_role, "") << "two places are not mixed";
  EXPECT_EQ(read(Value::dict({{"auth", "ldap"}})).error().type(), "VaultNotConfigured");
  EXPECT_EQ(read(Value::dict({{"address", "v:8200"}})).error().type(), "VaultNotConfigured");
}

}  // namespace
}  // namespace squall::clients
