#include "clients/kubernetes/client.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <thread>

#include "clients/kubernetes/clients.hpp"
#include "clients/kubernetes/fake_api_server.hpp"

namespace squall::kubernetes {
namespace {

using testing::FakeApiServer;

const ResourceId kDatabases{"squall.dev", "v1alpha1", "databases", "shop"};

class ClientTest : public ::testing::Test {
 protected:
  std::shared_ptr<Client> make() {
    configuration_.server = server_.url();
    configuration_.source = "test";
    return Client::make(configuration_, http_,
                        [this](const ExecPlugin&, const std::function<void(Result<std::string>)>& done) {
                          done(std::string(R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",)"
                                           R"("status":{"token":"run)") +
                               std::to_string(++plugin_runs_) + "\"}}");
                        });
  }

  FakeApiServer server_;
  net::HttpClient http_;
  Configuration configuration_;
  int plugin_runs_ = 0;
};

TEST_F(ClientTest, ReadsAndWritesObjects) {
  const auto client = make();
  const Value spec = Value::dict({{"spec", Value::dict({{"engine", "postgres"}})}, {"metadata", Value::dict({{"name", "a"}})}});
  const auto created = client->create(kDatabases, spec);
  ASSERT_TRUE(created) << created.error().message();
  EXPECT_EQ((*created)["kind"].string(), "Database");
  const auto again = client->create(kDatabases, spec);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().type(), "AlreadyExists");
  EXPECT_EQ(again.error().code(), ErrorCode::kConflict);
  EXPECT_EQ(again.error().http_status(), 409);
  EXPECT_EQ(again.error().message(), "databases \"a\" already exists");

  Value changed = *created;
  changed.set("spec", Value::dict({{"engine", "mysql"}}));
  ASSERT_TRUE(client->update(kDatabases, "a", changed));
  const auto stale = client->update(kDatabases, "a", *created);
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().type(), "Conflict");

  EXPECT_EQ((*client->get(kDatabases, "a"))["spec"]["engine"].string(), "mysql");
  const Value patch = Value::dict({{"spec", Value::dict({{"size", 1}})}});
  EXPECT_EQ((*client->patch(kDatabases, "a", PatchType::kMerge, patch))["spec"]["size"].int_or(0), 1);
  WriteOptions options;
  options.force = true;
  ASSERT_TRUE(client->apply(kDatabases, "b", spec, options));
  const auto requests = server_.requests();
  const auto& last = requests.back();
  EXPECT_EQ(last.content_type, "application/apply-patch+yaml");
  EXPECT_EQ(last.query_value("fieldManager"), "squall");
  EXPECT_EQ(last.query_value("force"), "true");
  ASSERT_TRUE(client->remove(kDatabases, "a"));
  EXPECT_EQ(client->get(kDatabases, "a").error().code(), ErrorCode::kNotFound);
  DeleteOptions other;
  other.uid = "another";
  EXPECT_EQ(client->remove(kDatabases, "b", other).error().type(), "Conflict");
}

TEST_F(ClientTest, StatusIsWrittenThroughItsSubresource) {
  server_.put("databases", "shop", "a", Value::dict({{"spec", Value::dict({{"x", 1}})}}));
  const auto client = make();
  WriteOptions options;
  options.subresource = "status";
  const Value status = Value::dict({{"status", Value::dict({{"phase", "Ready"}})}, {"spec", Value::dict({{"x", 2}})}});
  const auto written = client->apply(kDatabases, "a", status, options);
  ASSERT_TRUE(written);
  EXPECT_EQ((*written)["status"]["phase"].string(), "Ready");
  EXPECT_EQ((*written)["spec"]["x"].int_or(0), 1);
}

TEST_F(ClientTest, ListsInPages) {
  for (int i = 0; i < 7; ++i) server_.put("secrets", "shop", std::to_string(i));
  server_.put("secrets", "other", "x");
  const auto client = make();
  ListOptions options;
  options.limit = 3;
  const ResourceId secrets{"", "v1", "secrets", "shop"};
  size_t count = 0;
  for (;;) {
    const auto page = client->list(secrets, options);
    ASSERT_TRUE(page);
    count += page->items.size();
    for (const Value& item : page->items) EXPECT_EQ(item["kind"].string(), "Secret");
    options.continue_token = page->continue_token;
    if (options.continue_token.empty()) break;
  }
  EXPECT_EQ(count, 7u);
}

TEST_F(ClientTest, FindsTypesAndRemembersThem) {
  const auto client = make();
  const auto by_kind = client->resolve("squall.dev/v1alpha1", "Database");
  ASSERT_TRUE(by_kind) << by_kind.error().message();
  EXPECT_EQ(by_kind->id.resource, "databases");
  EXPECT_TRUE(by_kind->namespaced);
  EXPECT_EQ(client->resolve("squall.dev/v1alpha1", "databases")->kind, "Database");
  EXPECT_EQ(server_.requests().size(), 1u);
  const auto unknown = client->resolve("squall.dev/v1alpha1", "Table");
  EXPECT_EQ(unknown.error().message(), "the server has no 'Table' in squall.dev/v1alpha1; it has Database");
  EXPECT_EQ(unknown.error().type(), "NotFound");
  EXPECT_EQ(client->resolve("nowhere.dev/v1", "X").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(client->resolve("a/b/c", "X").error().code(), ErrorCode::kInvalid);
}

TEST_F(ClientTest, RenewsCredentialsOnceAfterARefusal) {
  configuration_.exec.emplace();
  configuration_.exec->api_version = "client.authentication.k8s.io/v1";
  server_.put("databases", "shop", "a");
  server_.require_authorization("Bearer run2");
  const auto client = make();
  EXPECT_TRUE(client->get(kDatabases, "a"));
  EXPECT_EQ(plugin_runs_, 2);
  server_.require_authorization("Bearer other");
  const auto refused = client->get(kDatabases, "a");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnauthorized);
  EXPECT_EQ(refused.error().http_status(), 401);
  EXPECT_EQ(plugin_runs_, 3) << "not again and again";
}

TEST_F(ClientTest, SaysWhoseCredentialsAreRefused) {
  configuration_.token = "wrong-token";
  server_.require_authorization("Bearer right");
  const auto refused = make()->get(kDatabases, "a");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), server_.url() + " does not accept the credentials of test");
  EXPECT_EQ(server_.requests().size(), 1u) << "the same token again would be of no use";
}

TEST_F(ClientTest, WaitsWhenTheServerIsBusy) {
  server_.put("databases", "shop", "a");
  const auto any = [](const FakeApiServer::Request&) { return true; };
  server_.refuse(any, {{429, FakeApiServer::status_body(429, "TooManyRequests", "slow down"), {{"Retry-After", "1"}}},
                       {503, "", {{"Retry-After", "0"}}}});
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(make()->get(kDatabases, "a"));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
  EXPECT_EQ(server_.requests().size(), 3u);
}

TEST_F(ClientTest, AStopEndsTheWait) {
  const auto any = [](const FakeApiServer::Request&) { return true; };
  server_.refuse(any, {{429, "", {{"Retry-After", "30"}}}});
  StopSource stop;
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    stop.stop();
  });
  const auto begin = std::chrono::steady_clock::now();
  const auto outcome = make()->get(kDatabases, "a", stop.token());
  stopper.join();
  EXPECT_EQ(outcome.error().code(), ErrorCode::kCanceled);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST_F(ClientTest, ReadsSurviveAShortOutageWritesDoNotGuess) {
  server_.put("databases", "shop", "a");
  const auto client = make();
  server_.stop();
  const auto write = client->remove(kDatabases, "a");
  ASSERT_FALSE(write);
  EXPECT_EQ(write.error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(write.error().message().find(server_.url()), std::string::npos) << write.error().message();
  auto read = std::async(std::launch::async, [&] { return client->get(kDatabases, "a"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  server_.start();
  EXPECT_TRUE(read.get());
}

TEST_F(ClientTest, SendsImpersonationAndBasicCredentials) {
  configuration_.username = "me";
  configuration_.password = "pw";
  configuration_.impersonation = {"jane", "7", {"a", "b"}, {{"acme/scope", {"x"}}}};
  make()->get(kDatabases, "a");
  const auto request = server_.requests().at(0);
  EXPECT_EQ(request.authorization, "Basic " + base64_encode("me:pw"));
  EXPECT_EQ(request.headers.get("Impersonate-User"), "jane");
  EXPECT_EQ(request.headers.get("Impersonate-Uid"), "7");
  EXPECT_EQ(request.headers.get("Impersonate-Extra-acme%2Fscope"), "x");
  size_t groups = 0;
  for (const auto& [name, value] : request.headers) groups += equals_ignore_case(name, "Impersonate-Group") ? 1 : 0;
  EXPECT_EQ(groups, 2u);
}

TEST_F(ClientTest, AnswersOfProxiesAreTold) {
  const auto any = [](const FakeApiServer::Request&) { return true; };
  server_.refuse(any, {{502, "<html>bad gateway</html>", {}}, {200, "<html>login</html>", {}}});
  const auto client = make();
  const auto bad = client->get(kDatabases, "a");
  EXPECT_EQ(bad.error().message(), "HTTP status 502: <html>bad gateway</html>");
  const auto odd = client->get(kDatabases, "a");
  EXPECT_EQ(odd.error().code(), ErrorCode::kRemote);
  EXPECT_NE(odd.error().message().find("not JSON"), std::string::npos);
}

TEST(KubernetesClientsTest, KeepsAClientUntilItsFileChanges) {
  net::HttpClient http;
  char pattern[] = "/tmp/squall-clients-XXXXXX";
  const std::string path = std::string(mkdtemp(pattern)) + "/config";
  const auto write = [&](const std::string& server) {
    ASSERT_TRUE(write_file_atomically(path, "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n"
                                            "clusters: [{name: k, cluster: {server: '" + server + "'}}]\n"));
  };
  KubernetesClients clients(http, {});
  EXPECT_FALSE(clients.get(path, ""));
  write("https://one");
  const auto first = clients.get(path, "");
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ(*clients.get(path, ""), *first);
  EXPECT_NE(*clients.get(path, "c"), *first);
  write("https://another");
  const auto second = clients.get(path, "");
  ASSERT_TRUE(second);
  EXPECT_EQ((*second)->configuration().server, "https://another");
  write("not a url");
  EXPECT_FALSE(clients.get(path, ""));
  std::filesystem::remove_all(std::filesystem::path(path).parent_path());
}

}  // namespace
}  // namespace squall::kubernetes
