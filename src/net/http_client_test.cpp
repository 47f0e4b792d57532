#include "net/http_client.hpp"

#include <gmock/gmock.h>

#include "base/strings.hpp"
#include "net/test_server.hpp"

namespace squall::net {
namespace {

using namespace std::chrono_literals;
using testing::get;
using ::testing::HasSubstr;
using testing::mirror;
using ::testing::Not;
using testing::TestServer;

constexpr std::string_view kCanary = "canary-5ecr3t";

// Accepts one connection and then does what it is told; for answers that no proper server gives.
class RawServer {
 public:
  explicit RawServer(std::string answer, bool then_close = true)
      : answer_(std::move(answer)), then_close_(then_close), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~RawServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    for (const int fd : open_) ::close(fd);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }

 private:
  void serve() {
    int fd = 0;
    while ((fd = accept(listener_, nullptr, nullptr)) >= 0) {
      char buffer[4096];
      std::string request;
      ssize_t got = 0;
      while (request.find("\r\n\r\n") == std::string::npos && (got = recv(fd, buffer, sizeof buffer, 0)) > 0) {
        request.append(buffer, static_cast<size_t>(got));
      }
      ::send(fd, answer_.data(), answer_.size(), MSG_NOSIGNAL);
      then_close_ ? void(::close(fd)) : open_.push_back(fd);
    }
  }
  std::string answer_;
  bool then_close_;
  int listener_;
  uint16_t port_ = 0;
  std::vector<int> open_;
  std::thread thread_;
};

TEST(HttpClient, SendsMethodHeadersAndBodyAsGivenAndNothingUnwanted) {
  TestServer server(mirror);
  HttpClient client;
  for (const std::string& method :
       std::vector<std::string>{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"}) {
    HttpRequest request = get(server.url("/p"));
    request.method = method;
    request.headers = {{"X-One", "1"}, {"X-Empty", ""}, {"X-One", "2"}};
    if (method != "GET" && method != "OPTIONS") request.body = std::string("a\0b", 3);
    const auto answer = client.call(request);
    ASSERT_TRUE(answer) << answer.error().to_string();
    EXPECT_EQ(answer->status, 200);
    EXPECT_THAT(answer->body, HasSubstr(method + " /p\n"));
    EXPECT_THAT(answer->body, HasSubstr("x-one: 1\n"));
    EXPECT_THAT(answer->body, HasSubstr("x-one: 2\n"));
    EXPECT_THAT(answer->body, HasSubstr("x-empty: \n"));
    EXPECT_THAT(answer->body, HasSubstr("user-agent: squall\n"));
    EXPECT_THAT(answer->body, Not(HasSubstr("content-type")));
    EXPECT_THAT(answer->body, Not(HasSubstr("expect")));
    EXPECT_THAT(answer->body, ::testing::EndsWith("\n\n" + request.body));
  }
}

TEST(HttpClient, EmptyPostHasALength) {
  TestServer server(mirror);
  HttpClient client;
  HttpRequest request = get(server.url());
  request.method = "POST";
  EXPECT_THAT(client.call(request)->body, HasSubstr("content-length: 0\n"));
}

TEST(HttpClient, HeadGivesHeadersOnly) {
  TestServer server([](const ServerRequest&) { return ServerResponse{.body = "12345", .headers = {{"X-A", "b"}}}; });
  HttpClient client;
  HttpRequest request = get(server.url());
  request.method = "HEAD";
  const auto answer = client.call(request);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(answer->headers.get("content-length"), "5");
  EXPECT_EQ(answer->headers.get("x-a"), "b");
}

TEST(HttpClient, ErrorStatusIsAResponse) {
  TestServer server([](const ServerRequest&) { return ServerResponse{.status = 503, .body = "{}"}; });
  HttpClient client;
  const auto answer = client.call(get(server.url()));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
}

TEST(HttpClient, BasicAuthentication) {
  TestServer server(mirror);
  HttpClient client;
  HttpRequest request = get(server.url());
  request.username = "user";
  request.password = "pass:word";
  EXPECT_THAT(client.call(request)->body, HasSubstr("authorization: Basic " + base64_encode("user:pass:word") + "\n"));
}

TEST(HttpClient, KeepsTheConnection) {
  TestServer server(mirror);
  HttpClient client;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(client.call(get(server.url())));
  EXPECT_EQ(server.connection_count(), 1u);
}

TEST(HttpClient, ManyAtOnceFromManyThreads) {
  TestServer server([](const ServerRequest& request) { return ServerResponse{.body = request.path}; });
  HttpClient client;
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string path = std::string("/").append(std::to_string(t * 1000 + i));
        const auto answer = client.call(get(server.url(path)));
        if (answer && answer->body == path) ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 400);
}

TEST(HttpClient, BigBodiesBothWays) {
  TestServer server([](const ServerRequest& request) { return ServerResponse{.body = request.body}; });
  HttpClient client;
  HttpRequest request = get(server.url());
  request.method = "POST";
  request.body.resize(10u << 20);
  for (size_t i = 0; i < request.body.size(); ++i) request.body[i] = static_cast<char>(i * 31 % 251);
  const auto answer = client.call(request);
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->body == request.body);
}

TEST(HttpClient, AnswerBeyondItsLimitIsAnError) {
  TestServer server([](const ServerRequest&) { return ServerResponse{.body = std::string(100'000, 'x')}; });
  HttpClient client;
  HttpRequest request = get(server.url());
  request.response_bytes_max = 100'000;
  EXPECT_TRUE(client.call(request));
  request.response_bytes_max = 99'999;
  const auto answer = client.call(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), ErrorCode::kLimit);
  EXPECT_THAT(answer.error().message(), HasSubstr("99999 bytes"));
}

TEST(HttpClient, UnpacksCompressedBodiesWithinTheLimit) {
  // gzip of 100,000 zero bytes, made by Python's gzip.compress(bytes(100000), mtime=0).
  const std::string packed =
      base64_decode(
          "H4sIAAAAAAACA+3BMQEAAADCoPVPbQ0PoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
          "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIBXA32VEdSghgEA")
          .value();
  TestServer server([&](const ServerRequest& request) {
    EXPECT_THAT(request.headers.get("Accept-Encoding"), HasSubstr("gzip"));
    return ServerResponse{.body = packed, .headers = {{"Content-Encoding", "gzip"}}};
  });
  HttpClient client;
  HttpRequest request = get(server.url());
  request.accept_compressed = true;
  const auto answer = client.call(request);
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->body.size(), 100'000u);
  request.response_bytes_max = 50'000;
  EXPECT_EQ(client.call(request).error().code(), ErrorCode::kLimit);
}

// Errors.

TEST(HttpClient, NobodyThereIsUnavailableAndTellsNoPath) {
  uint16_t port = 0;
  {
    TestServer server(mirror);
    port = server.port();
  }
  HttpClient client;
  const auto answer = client.call(
      get("http://127.0.0.1:" + std::to_string(port) + "/" + std::string(kCanary) + "?token=" + std::string(kCanary)));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(answer.error().message(), HasSubstr("http://127.0.0.1:" + std::to_string(port)));
  EXPECT_THAT(answer.error().message(), Not(HasSubstr(std::string(kCanary))));
}

TEST(HttpClient, UnknownHostIsUnavailable) {
  HttpClient client;
  EXPECT_EQ(client.call(get("http://no-such-host.invalid/")).error().code(), ErrorCode::kUnavailable);
}

TEST(HttpClient, NonsenseIsInvalidAndNotEchoed) {
  HttpClient client;
  for (const std::string& url :
       std::vector<std::string>{"", "no url canary-5ecr3t", "ftp://host/", "file:///etc/passwd", "http://",
                                "http://h:99999/", "http://a b/"}) {
    const auto answer = client.call(get(url));
    ASSERT_FALSE(answer) << url;
    EXPECT_EQ(answer.error().code(), ErrorCode::kInvalid) << url;
    EXPECT_THAT(answer.error().message(), Not(HasSubstr(std::string(kCanary))));
  }
  for (const HttpRequest& request :
       {HttpRequest{.method = "GE T", .url = "http://127.0.0.1:1/"},
        HttpRequest{.method = "", .url = "http://127.0.0.1:1/"},
        HttpRequest{.url = "http://127.0.0.1:1/", .headers = {{"X", "a\r\nY: canary-5ecr3t"}}},
        HttpRequest{.url = "http://127.0.0.1:1/", .headers = {{"X: y", "a"}}}}) {
    const auto answer = client.call(request);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), ErrorCode::kInvalid);
    EXPECT_THAT(answer.error().message(), Not(HasSubstr(std::string(kCanary))));
  }
}

TEST(HttpClient, BrokenAnswersAreUnavailable) {
  HttpClient client;
  for (const char* answer : {"", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "nonsense canary-5ecr3t\r\n\r\n",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
    RawServer server(answer);
    const auto result = client.call(get(server.url()));
    ASSERT_FALSE(result) << answer;
    EXPECT_EQ(result.error().code(), ErrorCode::kUnavailable) << result.error().message();
    EXPECT_THAT(result.error().message(), Not(HasSubstr(std::string(kCanary))));
  }
}

TEST(HttpClient, TimesOut) {
  RawServer server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", /*then_close=*/false);
  HttpClient client;
  HttpRequest request = get(server.url());
  request.timeout = 100ms;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(client.call(request).error().code(), ErrorCode::kTimeout);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
}

TEST(HttpClient, IdleTimeoutStrikesOnlyWhenNothingComes) {
  HttpClient client;
  RawServer silent("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", /*then_close=*/false);
  HttpRequest request = get(silent.url());
  request.timeout = Duration::zero();
  request.idle_timeout = 150ms;
  const auto answer = client.call(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), ErrorCode::kTimeout);
  EXPECT_THAT(answer.error().message(), HasSubstr("0.15 s"));

  TestServer dripping(HttpServer::Handler([](const ServerRequest&, const std::shared_ptr<Responder>& responder) {
    std::thread([stream = responder->start_stream({})] {
      for (int i = 0; i < 8; ++i) {
        stream->write("x");
        std::this_thread::sleep_for(50ms);
      }
    }).detach();
  }));
  request.url = dripping.url();
  request.idle_timeout = 300ms;
  const auto whole = client.call(request);
  ASSERT_TRUE(whole) << whole.error().to_string();
  EXPECT_EQ(whole->body, "xxxxxxxx");
}

TEST(HttpClient, StopCancelsBeforeDuringAndAfter) {
  RawServer server("", /*then_close=*/false);
  HttpClient client;
  StopSource early;
  early.stop();
  EXPECT_EQ(client.call(get(server.url()), early.token()).error().code(), ErrorCode::kCanceled);
  StopSource during;
  std::thread stopper([&] {
    std::this_thread::sleep_for(50ms);
    during.stop();
  });
  EXPECT_EQ(client.call(get(server.url()), during.token()).error().code(), ErrorCode::kCanceled);
  stopper.join();
  StopSource late;
  {
    TestServer quick(mirror);
    EXPECT_TRUE(client.call(get(quick.url()), late.token()));
  }
  late.stop();
}

TEST(HttpClient, ItsEndCancelsWhatIsInFlightAndTokensMayOutliveIt) {
  RawServer server("", /*then_close=*/false);
  StopSource stop;
  std::atomic<int> canceled = 0;
  {
    HttpClient client;
    for (int i = 0; i < 5; ++i) {
      client.send(get(server.url()), stop.token(), [&](Result<HttpResponse> answer) {
        if (!answer && answer.error().code() == ErrorCode::kCanceled) ++canceled;
      });
    }
  }
  EXPECT_EQ(canceled, 5);
  stop.stop();
}

TEST(HttpClient, CallbacksMaySendMore) {
  TestServer server(mirror);
  std::promise<int> done;
  HttpClient client;
  std::function<void(int)> next = [&](int left) {
    if (left == 0) return done.set_value(200);
    client.send(get(server.url()), {}, [&, left](Result<HttpResponse> answer) {
      if (!answer) return done.set_value(-1);
      next(left - 1);
    });
  };
  next(10);
  EXPECT_EQ(done.get_future().get(), 200);
}

// Redirects.

TEST(HttpClientRedirect, IsAnAnswerUnlessAskedFor) {
  TestServer server([](const ServerRequest&) {
    return ServerResponse{.status = 302, .headers = {{"Location", "/x"}}};
  });
  HttpClient client;
  EXPECT_EQ(client.call(get(server.url()))->status, 302);
}

TEST(HttpClientRedirect, KeepsOrChangesTheMethodAsTheStatusSays) {
  TestServer server([](const ServerRequest& request) {
    if (request.path.starts_with("/go/")) {
      return ServerResponse{.status = static_cast<int>(*parse_int(request.path.substr(4))),
                            .body = "ignored",
                            .headers = {{"Location", "../end?x=1"}}};
    }
    return mirror(request);
  });
  HttpClient client;
  HttpRequest request = get(server.url());
  request.follow_redirects = true;
  request.method = "POST";
  request.body = "payload";
  request.headers = {{"Content-Type", "text/x"}, {"X-Vault-Token", "t"}};
  for (const int status : {301, 302, 303}) {
    request.url = server.url("/go/" + std::to_string(status));
    const auto answer = client.call(request);
    ASSERT_TRUE(answer) << answer.error().to_string();
    EXPECT_THAT(answer->body, HasSubstr("GET /end\n"));
    EXPECT_THAT(answer->body, Not(HasSubstr("payload")));
    EXPECT_THAT(answer->body, Not(HasSubstr("text/x")));
    EXPECT_EQ(answer->url, server.url("/end?x=1"));
  }
  for (const int status : {307, 308}) {
    request.url = server.url("/go/" + std::to_string(status));
    const auto answer = client.call(request);
    ASSERT_TRUE(answer);
    EXPECT_THAT(answer->body, HasSubstr("POST /end\n"));
    EXPECT_THAT(answer->body, HasSubstr("payload"));
    EXPECT_THAT(answer->body, HasSubstr("x-vault-token: t\n"));
  }
}

TEST(HttpClientRedirect, TakesNoCredentialsToAStranger) {
  TestServer stranger(mirror);
  TestServer server([&](const ServerRequest&) {
    return ServerResponse{.status = 307, .headers = {{"Location", stranger.url("/end")}}};
  });
  HttpClient client;
  HttpRequest request = get(server.url());
  request.follow_redirects = true;
  request.username = "u";
  request.password = std::string(kCanary);
  request.headers = {{"Authorization", std::string(kCanary)},
                     {"Cookie", std::string(kCanary)},
                     {"X-Vault-Token", std::string(kCanary)},
                     {"Accept", "text/plain"}};
  const auto answer = client.call(request);
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->body, HasSubstr("accept: text/plain\n"));
  EXPECT_THAT(answer->body, Not(HasSubstr(std::string(kCanary))));
  EXPECT_THAT(answer->body, Not(HasSubstr("authorization")));
}

TEST(HttpClientRedirect, LoopsAndOtherProtocolsEnd) {
  TestServer server([](const ServerRequest& request) {
    return ServerResponse{.status = 302,
                          .headers = {{"Location", request.path == "/loop" ? "/loop" : "file:///etc/passwd"}}};
  });
  HttpClient client;
  HttpRequest request = get(server.url("/loop"));
  request.follow_redirects = true;
  EXPECT_THAT(client.call(request).error().message(), HasSubstr("more than 10 redirects"));
  request.url = server.url("/file");
  EXPECT_FALSE(client.call(request));
}

// Streams.

TEST(HttpClientStream, GivesHeadChunksAndEnd) {
  std::promise<std::shared_ptr<ResponseStream>> opened;
  TestServer server(HttpServer::Handler([&](const ServerRequest&, const std::shared_ptr<Responder>& responder) {
    opened.set_value(responder->start_stream({.status = 201, .headers = {{"X-A", "b"}}}));
  }));
  HttpClient client;
  std::mutex mutex;
  std::string seen;
  std::promise<int> head;
  std::promise<Status> done;
  client.stream(get(server.url()), {},
                {.on_head =
                     [&](const HttpResponse& response) {
                       head.set_value(response.headers.get("X-A") == "b" ? response.status : -1);
                     },
                 .on_chunk =
                     [&](std::string_view chunk) {
                       const std::lock_guard lock(mutex);
                       seen += chunk;
                     },
                 .on_done = [&](Status status) { done.set_value(std::move(status)); }});
  const auto stream = opened.get_future().get();
  stream->write("one ");
  EXPECT_EQ(head.get_future().get(), 201);
  for (int i = 0; i < 500; ++i) {
    const std::lock_guard lock(mutex);
    if (seen == "one ") break;
    std::this_thread::sleep_for(5ms);
  }
  {
    const std::lock_guard lock(mutex);
    EXPECT_EQ(seen, "one ") << "a chunk must not wait for the next one";
  }
  stream->write("two");
  stream->close();
  EXPECT_TRUE(done.get_future().get());
  EXPECT_EQ(seen, "one two");
}

TEST(HttpClientStream, StopEndsItAndTheServerNotices) {
  std::promise<std::shared_ptr<ResponseStream>> opened;
  TestServer server(HttpServer::Handler([&](const ServerRequest&, const std::shared_ptr<Responder>& responder) {
    opened.set_value(responder->start_stream({}));
  }));
  HttpClient client;
  StopSource stop;
  std::promise<Status> done;
  HttpRequest request = get(server.url());
  request.timeout = Duration::zero();
  client.stream(request, stop.token(), {.on_done = [&](Status status) { done.set_value(std::move(status)); }});
  const auto stream = opened.get_future().get();
  std::promise<void> gone;
  stream->on_closed([&] { gone.set_value(); });
  stop.stop();
  EXPECT_EQ(done.get_future().get().error().code(), ErrorCode::kCanceled);
  gone.get_future().wait();
}

// What a valve holds back stays with the server: neither is it lost nor does it fill the memory, nor is the silence an
// error.
TEST(HttpClientStream, AValveHoldsTheBodyBack) {
  std::promise<std::shared_ptr<ResponseStream>> opened;
  TestServer server(HttpServer::Handler([&](const ServerRequest&, const std::shared_ptr<Responder>& responder) {
    opened.set_value(responder->start_stream({}));
  }));
  HttpClient client;
  const auto valve = std::make_shared<Valve>();
  std::atomic<size_t> seen = 0;
  std::promise<void> first;
  std::promise<Status> done;
  HttpRequest request = get(server.url());
  request.timeout = Duration::zero();
  request.idle_timeout = 300ms;
  client.stream(request, {},
                {.on_chunk =
                     [&](std::string_view chunk) {
                       if (seen == 0) {
                         valve->shut();
                         first.set_value();
                       }
                       seen += chunk.size();
                     },
                 .on_done = [&](Status status) { done.set_value(std::move(status)); },
                 .valve = valve});
  const auto stream = opened.get_future().get();
  stream->write("x");
  first.get_future().wait();
  constexpr size_t kMore = 4u << 20;
  stream->write(std::string(kMore, 'y'));
  std::this_thread::sleep_for(500ms);
  EXPECT_LT(seen, 1u << 20) << "only what was on its way already";
  valve->open();
  stream->close();
  EXPECT_TRUE(done.get_future().get());
  EXPECT_EQ(seen, 1 + kMore);
}

TEST(HttpClientStream, AValveThatIsShutFromTheStartLetsNothingThrough) {
  TestServer server(mirror);
  HttpClient client;
  const auto valve = std::make_shared<Valve>();
  valve->shut();
  std::atomic<bool> any = false;
  std::promise<Status> done;
  client.stream(get(server.url()), {},
                {.on_chunk = [&](std::string_view) { any = true; },
                 .on_done = [&](Status status) { done.set_value(std::move(status)); },
                 .valve = valve});
  std::this_thread::sleep_for(100ms);
  EXPECT_FALSE(any);
  valve->open();
  EXPECT_TRUE(done.get_future().get());
  EXPECT_TRUE(any);
}

TEST(HttpClientStream, CutOffIsAnError) {
  RawServer server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  HttpClient client;
  std::string seen;
  std::promise<Status> done;
  client.stream(get(server.url()), {},
                {.on_chunk = [&](std::string_view chunk) { seen += chunk; },
                 .on_done = [&](Status status) { done.set_value(std::move(status)); }});
  EXPECT_EQ(done.get_future().get().error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(seen, "abc");
}

}  // namespace
}  // namespace squall::net
