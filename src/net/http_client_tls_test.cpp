#include <gmock/gmock.h>

#include "base/strings.hpp"
#include "net/http_client.hpp"
#include "net/test_server.hpp"

namespace squall::net {
namespace {

using namespace std::chrono_literals;
using testing::get;
using ::testing::HasSubstr;
using testing::mirror;
using ::testing::Not;
using testing::RawSocket;
using testing::TestCertificate;
using testing::TestServer;

constexpr std::string_view kCanary = "canary-5ecr3t";

class HttpClientTls : public ::testing::Test {
 protected:
  TestCertificate certificate_;
  TestServer server_{mirror, certificate_.server_options()};
  HttpClient client_;
};

TEST_F(HttpClientTls, TrustsWhatItIsToldTo) {
  HttpRequest request = get(server_.url("/tls"));
  const auto distrusted = client_.call(request);
  ASSERT_FALSE(distrusted);
  EXPECT_EQ(distrusted.error().type(), "TlsVerification");
  request.tls.ca_file = certificate_.certificate_file();
  EXPECT_TRUE(client_.call(request));
  request.tls = {.ca_pem = read_file(certificate_.certificate_file()).value()};
  EXPECT_THAT(client_.call(request)->body, HasSubstr("GET /tls"));
  request.tls = {.verify = false};
  EXPECT_TRUE(client_.call(request));
  // A connection that was made without a check must not serve a request that wants one.
  request.tls = {};
  EXPECT_FALSE(client_.call(request));
}

TEST_F(HttpClientTls, ChecksTheNameThatIsAskedFor) {
  const TestCertificate other("db.example");
  TestServer elsewhere(mirror, other.server_options());
  HttpRequest request = get(elsewhere.url());
  request.tls.ca_file = other.certificate_file();
  EXPECT_EQ(client_.call(request).error().type(), "TlsVerification");
  request.tls.server_name = "db.example";
  const auto answer = client_.call(request);
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_THAT(answer->body, HasSubstr("host: 127.0.0.1:" + std::to_string(elsewhere.port()) + "\n"));
}

TEST_F(HttpClientTls, BigBodiesAndManyConnections) {
  HttpRequest request = get(server_.url());
  request.tls.ca_file = certificate_.certificate_file();
  request.method = "POST";
  request.body = std::string(3u << 20, 'x');
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 3; ++i) {
        const auto answer = client_.call(request);
        if (answer && answer->body.size() > request.body.size()) ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 12);
}

TEST_F(HttpClientTls, StopSaysGoodbyeToIdleConnections) {
  HttpRequest request = get(server_.url());
  request.tls.ca_file = certificate_.certificate_file();
  ASSERT_TRUE(client_.call(request));
  server_.server().stop();
  for (int i = 0; i < 300 && server_.connection_count() != 0; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(server_.connection_count(), 0u);
}

TEST_F(HttpClientTls, PlainTextAtATlsPortIsDropped) {
  RawSocket socket(server_.port());
  ASSERT_TRUE(socket.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_THAT(socket.read_all(), Not(HasSubstr("HTTP/")));
}

TEST_F(HttpClientTls, SendsItsCertificateFromPemOrFile) {
  // The openssl program as a server that insists on a client certificate.
  const TestCertificate mine("client");
  const uint16_t port = [&] {
    TestServer free(mirror);
    return free.port();
  }();
  const std::string pid_file = certificate_.key_file() + ".pid";
  const std::string command = "openssl s_server -accept 127.0.0.1:" + std::to_string(port) + " -cert " +
                              certificate_.certificate_file() + " -key " + certificate_.key_file() +
                              " -Verify 1 -CAfile " + mine.certificate_file() +
                              " -verify_return_error -www >/dev/null 2>&1 & echo $! > " + pid_file;
  ASSERT_EQ(std::system(command.c_str()), 0);
  for (int i = 0; i < 200; ++i) {
    if (RawSocket(port).connected()) break;
    std::this_thread::sleep_for(20ms);
  }
  HttpRequest request = get("https://127.0.0.1:" + std::to_string(port) + "/");
  request.tls.ca_file = certificate_.certificate_file();
  EXPECT_FALSE(client_.call(request));
  request.tls.certificate_pem = read_file(mine.certificate_file()).value();
  request.tls.key_pem = read_file(mine.key_file()).value();
  const auto with_pem = client_.call(request);
  EXPECT_TRUE(with_pem) << with_pem.error().to_string();
  request.tls.certificate_pem.clear();
  request.tls.key_pem.clear();
  request.tls.certificate_file = mine.certificate_file();
  request.tls.key_file = mine.key_file();
  const auto with_file = client_.call(request);
  EXPECT_TRUE(with_file) << with_file.error().to_string();
  request.tls.key_file.clear();
  request.tls.key_pem = "-----BEGIN nonsense canary-5ecr3t";
  const auto broken = client_.call(request);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code(), ErrorCode::kInvalid);
  EXPECT_THAT(broken.error().message(), Not(HasSubstr(std::string(kCanary))));
  ASSERT_EQ(std::system(("kill $(cat " + pid_file + ")").c_str()), 0);
}

}  // namespace
}  // namespace squall::net
