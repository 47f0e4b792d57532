#include "runners/http.hpp"

#include <mutex>

#include "net/test_server.hpp"
#include "runners/http_message.hpp"
#include "runners/test_support.hpp"

namespace squall::runners {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

ActionRequest request_of(Value runner_parameters, Value action_parameters = {}) {
  ActionRequest request;
  request.action_ref = "conf.http";
  request.runner_parameters = std::move(runner_parameters);
  request.action_parameters = std::move(action_parameters);
  return request;
}

Result<net::HttpRequest> build(Value runner_parameters, Value action_parameters = {}) {
  return http_request_of(request_of(std::move(runner_parameters), std::move(action_parameters)), "1.2", Random::system());
}

std::string error_of(Value runner_parameters, Value action_parameters = {}) {
  const auto built = build(std::move(runner_parameters), std::move(action_parameters));
  return built ? "built" : built.error().message();
}

TEST(HttpRequestTest, DefaultsAreThoseOfStackStorm) {
  const auto built = build(json(R"({"url": "http://h/p"})"));
  ASSERT_TRUE(built);
  EXPECT_EQ(built->method, "GET");
  EXPECT_EQ(built->url, "http://h/p");
  EXPECT_EQ(built->headers.get("User-Agent"), "st2/v1.2");
  EXPECT_EQ(built->headers.get("X-Stanley-Action"), "http");
  EXPECT_TRUE(built->tls.verify);
  EXPECT_FALSE(built->follow_redirects);
  EXPECT_EQ(built->idle_timeout, Duration(60s));
  EXPECT_EQ(build(json(R"({"url": "http://h/"})"), json(R"({"body": "x"})"))->method, "POST");
  EXPECT_EQ(build(json(R"({"url": "http://h/"})"), json(R"({"body": "x", "method": "put"})"))->method, "PUT");
}

// requests.Request("GET", url, params=...).prepare().url
TEST(HttpRequestTest, QueryParameters) {
  const auto url = [](const char* base, const char* params) {
    return build(Value::dict({{"url", base}}), Value::dict({{"params", json(params)}}))->url;
  };
  EXPECT_EQ(url("http://h/p", R"({"a": 1, "b": "x y&z", "c": ["1", "2"], "d": null})"), "http://h/p?a=1&b=x+y%26z&c=1&c=2");
  EXPECT_EQ(url("http://h/p?q=1#f", R"({"a": "é"})"), "http://h/p?q=1&a=%C3%A9#f");
  EXPECT_EQ(url("http://h/p", "{}"), "http://h/p");
}

TEST(HttpRequestTest, Bodies) {
  const Value plain = json(R"({"url": "http://h/"})");
  const Value typed = json(R"({"url": "http://h/", "headers": {"content-type": "application/json"}})");
  EXPECT_EQ(build(plain, json(R"({"body": "as it is"})"))->body, "as it is");
  EXPECT_EQ(build(typed, json(R"({"body": "{\"b\":[1,2]}"})"))->body, R"({"b": [1, 2]})");
  EXPECT_EQ(build(typed, json(R"({"body": "{'b': None}"})"))->body, R"({"b": null})");
  EXPECT_EQ(build(typed)->body, "null");
  EXPECT_THAT(error_of(typed, json(R"({"body": "not json"})")), HasSubstr("Request body can't be parsed as JSON"));
  const auto form = build(plain, json(R"({"body": {"a": "1 2", "b": ["x", "y"]}})"));
  EXPECT_EQ(form->body, "a=1+2&b=x&b=y");
  EXPECT_EQ(form->headers.get("Content-Type"), "application/x-www-form-urlencoded");
  const auto file = build(plain, json(R"({"file_name": "f", "file_content": "data", "file_content_type": "text/css"})"));
  const std::string type(file->headers.get("Content-Type"));
  ASSERT_THAT(type, testing::StartsWith("multipart/form-data; boundary="));
  const std::string boundary = type.substr(30);
  EXPECT_EQ(file->method, "POST");
  EXPECT_EQ(file->body, "--" + boundary +
                            "\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n"
                            "Content-Type: text/css\r\n\r\ndata\r\n--" + boundary + "--\r\n");
}

TEST(HttpRequestTest, HeadersCookiesAndCredentials) {
  const auto built = build(json(R"({"url": "https://h/", "headers": {"X-A": 1, "user-agent": "mine"},
      "cookies": {"a": "1", "b": 2}, "username": "u", "password": "p", "verify_ssl_cert": false,
      "http_proxy": "http://plain", "https_proxy": "http://tls", "allow_redirects": true})"));
  ASSERT_TRUE(built);
  EXPECT_EQ(built->headers.get("X-A"), "1");
  EXPECT_EQ(built->headers.get("User-Agent"), "st2/v1.2");
  EXPECT_EQ(built->headers.get("Cookie"), "a=1; b=2");
  EXPECT_EQ(built->username + ":" + built->password, "u:p");
  EXPECT_EQ(built->proxy, "http://tls");
  EXPECT_FALSE(built->tls.verify);
  EXPECT_TRUE(built->follow_redirects);
}

TEST(HttpRequestTest, HostLists) {
  EXPECT_EQ(error_of(json(R"({"url": "http://bad.org:80/x", "url_hosts_blacklist": ["bad.org"]})")),
            "URL \"http://bad.org:80/x\" is blacklisted");
  EXPECT_EQ(error_of(json(R"({"url": "http://good@BAD.org/", "url_hosts_blacklist": ["bad.org"]})")),
            "URL \"http://good@BAD.org/\" is blacklisted");
  EXPECT_EQ(error_of(json(R"({"url": "http://other/", "url_hosts_whitelist": ["good.org"]})")),
            "URL \"http://other/\" is not whitelisted");
  EXPECT_EQ(error_of(json(R"({"url": "http://good.org/", "url_hosts_whitelist": ["good.org"]})")), "built");
  EXPECT_EQ(error_of(json(R"({"url": "http://h/", "url_hosts_whitelist": ["h"], "url_hosts_blacklist": ["x"]})")),
            "\"url_hosts_blacklist\" and \"url_hosts_whitelist\" parameters are mutually exclusive. Only one should be "
            "provided.");
  EXPECT_THAT(error_of(json(R"({"url": "http://h/", "url_hosts_whitelist": ["h"], "allow_redirects": true})")),
              HasSubstr("cannot be combined"));
  EXPECT_EQ(url_host("http://[::1]:8080/"), "::1");
  EXPECT_EQ(url_host("https://u:p@Example.org?x@y"), "example.org");
}

TEST(HttpRequestTest, BadInput) {
  EXPECT_EQ(error_of(json("{}")), "URL must be specified.");
  EXPECT_EQ(error_of(json(R"({"url": "h/x"})")),
            "Invalid URL 'h/x': No scheme supplied. Perhaps you meant https://h/x?");
  EXPECT_EQ(error_of(json(R"({"url": "file:///etc/passwd"})")),
            "No connection adapters were found for 'file:///etc/passwd'");
  EXPECT_THAT(error_of(json(R"({"url": "http://h"})"), json(R"({"auth": "x=y"})")), HasSubstr("\"auth\" is not supported"));
  EXPECT_EQ(error_of(json(R"({"url": "http://h"})"), json(R"({"body": "x", "file_name": "f", "file_content": "c"})")),
            "Data must not be a string.");
}

TEST(HttpOutcomeTest, BodiesAreParsedByTheirType) {
  const auto of = [](int status, const char* type, const char* body) {
    net::HttpResponse response;
    response.status = status;
    if (type != nullptr) response.headers.add("Content-Type", type);
    response.body = body;
    return http_outcome_of(response);
  };
  const ActionOutcome parsed = of(200, "application/json; charset=utf-8", R"({"a": [1]})");
  EXPECT_EQ(parsed.status, "succeeded");
  EXPECT_EQ(parsed.result, json(R"({"status_code": 200, "body": {"a": [1]}, "parsed": true,
                                    "headers": {"Content-Type": "application/json; charset=utf-8"}})"));
  EXPECT_EQ(of(206, "text/plain", "{}").result["body"].string(), "{}");
  EXPECT_EQ(of(207, "application/json", "{}").status, "failed");
  EXPECT_EQ(of(199, nullptr, "").status, "failed");
  const ActionOutcome bad = of(200, "application/json", "{broken");
  EXPECT_EQ(bad.result["body"].string(), "{broken");
  EXPECT_FALSE(bad.result["parsed"].bool_or(true));
  EXPECT_EQ(of(200, "text/plain", "\xE9").result["body"].string(), "é");                       // requests: Latin-1
  EXPECT_EQ(of(200, "text/plain; charset=windows-1252", "\x80").result["body"].string(), "€");
  EXPECT_EQ(of(200, "text/plain; charset=nosuch", "é").result["body"].string(), "é");
  EXPECT_EQ(of(200, "text/plain; charset=utf-16le", "a\x01").result["body"].string(), "\xC5\xA1");
}

TEST(HttpOutcomeTest, RepeatedHeadersAreJoined) {
  net::HttpResponse response;
  response.headers.add("X-A", "1");
  response.headers.add("x-a", "2");
  EXPECT_EQ(http_outcome_of(response).result["headers"], json(R"({"X-A": "1, 2"})"));
}

class HttpRunnerTest : public RunnerTest {
 protected:
  net::HttpClient client_;
  std::unique_ptr<Runner> runner_ = make_http_runner(executor_, client_, "1.2");
};

TEST_F(HttpRunnerTest, Exchange) {
  net::testing::TestServer server([](const net::ServerRequest& request) {
    net::ServerResponse response;
    response.status = request.path == "/missing" ? 404 : 201;
    response.body = to_json(Value::dict({{"method", request.method},
                                         {"body", request.body},
                                         {"agent", std::string(request.headers.get("user-agent"))}}));
    return response;
  });
  const ActionOutcome created = run(*runner_, request_of(Value::dict({{"url", server.url("/x")}}), json(R"({"body": "hi"})")));
  EXPECT_EQ(created.status, "succeeded");
  EXPECT_EQ(created.result["status_code"].int_or(0), 201);
  EXPECT_EQ(created.result["body"], json(R"({"method": "POST", "body": "hi", "agent": "st2/v1.2"})"));
  EXPECT_EQ(run(*runner_, request_of(Value::dict({{"url", server.url("/missing")}}))).status, "failed");
}

TEST_F(HttpRunnerTest, SilenceIsATimeout) {
  std::mutex mutex;  // the canceled request may reach the server's thread while this one is done already
  bool closing = false;
  std::vector<std::shared_ptr<net::Responder>> kept;
  net::testing::TestServer server(
      net::HttpServer::Handler([&](net::ServerRequest, std::shared_ptr<net::Responder> responder) {
        const std::lock_guard lock(mutex);
        if (!closing) kept.push_back(std::move(responder));
      }));
  const ActionOutcome outcome = run(*runner_, request_of(Value::dict({{"url", server.url("/")}}), json(R"({"timeout": 0.3})")));
  EXPECT_EQ(outcome.status, "timeout");
  EXPECT_THAT(outcome.result["error"].string(),
              testing::MatchesRegex("HTTPConnectionPool\\(host='127.0.0.1', port=[0-9]+\\): Read timed out. \\(read timeout=0.3\\)"));
  StopSource source;
  auto canceled = start(*runner_, request_of(Value::dict({{"url", server.url("/")}})), source.token());
  source.stop();
  EXPECT_EQ(canceled.get().status, "canceled");
  // While the server's loop is there to hear of it.
  const std::lock_guard lock(mutex);
  closing = true;
  kept.clear();
}

TEST_F(HttpRunnerTest, NoConnectionIsAFailure) {
  const ActionOutcome outcome = run(*runner_, request_of(json(R"({"url": "http://127.0.0.1:1/"})")));
  EXPECT_EQ(outcome.status, "failed");
  EXPECT_FALSE(outcome.result["error"].string().empty());
  EXPECT_TRUE(outcome.result.contains("traceback"));
}

}  // namespace
}  // namespace squall::runners
