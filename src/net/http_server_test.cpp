#include "net/http_server.hpp"

#include <gmock/gmock.h>

#include "base/log.hpp"
#include "net/test_server.hpp"
#include "value/json.hpp"

namespace squall::net {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawSocket;
using ::testing::StartsWith;
using testing::TestCertificate;
using testing::TestServer;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

ServerResponse echo(const ServerRequest& request) {
  Value query = Value::empty_dict();
  for (const auto& [key, value] : request.query) query.set(key, value);
  return {.body = to_json(Value::dict({{"method", request.method},
                                       {"path", request.path},
                                       {"raw_path", request.raw_path},
                                       {"query", query},
                                       {"body", request.body},
                                       {"remote", request.remote_address},
                                       {"id", request.id}}))};
}

// The answer to one raw request on a fresh connection; the connection must end.
std::string exchange(uint16_t port, std::string_view request) {
  RawSocket socket(port);
  EXPECT_TRUE(socket.send(request));
  socket.finish();
  std::string answer = socket.read_all();
  EXPECT_TRUE(socket.ended()) << "the server kept the connection open";
  return answer;
}

std::string body_of(const std::string& answer) {
  const size_t gap = answer.find("\r\n\r\n");
  return gap == std::string::npos ? "" : answer.substr(gap + 4);
}

TEST(HttpServer, GivesTheHandlerTheWholeRequest) {
  TestServer server(echo);
  const std::string answer = exchange(server.port(),
                                      "POST /v1/a%20b/%C3%BC?x=1&y=a+b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
                                      "X-Request-ID: my-id\r\nConnection: close\r\n\r\nhello");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nX-Request-ID: my-id\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Type: application/json\r\n"));
  const Value body = parse_json(body_of(answer)).value();
  EXPECT_EQ(body["method"], Value("POST"));
  EXPECT_EQ(body["path"], Value("/v1/a b/\xC3\xBC"));
  EXPECT_EQ(body["raw_path"], Value("/v1/a%20b/%C3%BC"));
  EXPECT_EQ(body["query"], Value::dict({{"x", "1"}, {"y", "a b"}}));
  EXPECT_EQ(body["body"], Value("hello"));
  EXPECT_EQ(body["remote"], Value("127.0.0.1"));
}

TEST(HttpServer, MakesARequestIdWhenTheClientsIsUnfit) {
  TestServer server(echo);
  for (const std::string& given :
       {std::string(), std::string("X-Request-ID: a b\r\n"), "X-Request-ID: " + std::string(200, 'x') + "\r\n"}) {
    const std::string answer =
        exchange(server.port(), "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + given + "\r\n");
    const std::string id = parse_json(body_of(answer)).value()["id"].string();
    EXPECT_EQ(id.size(), 36u) << id;
    EXPECT_THAT(answer, HasSubstr("X-Request-ID: " + id + "\r\n"));
  }
}

TEST(HttpServer, KeepsTheConnectionAndServesPipelinedRequestsInOrder) {
  TestServer server(echo);
  RawSocket socket(server.port());
  std::string all;
  for (int i = 0; i < 20; ++i) {
    all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n" + (i == 19 ? "Connection: close\r\n" : "") + "\r\n";
  }
  ASSERT_TRUE(socket.send(all));
  const std::string answers = socket.read_all();
  size_t at = 0;
  for (int i = 0; i < 20; ++i) {
    at = answers.find("\"path\":\"/" + std::to_string(i) + "\"", at);
    ASSERT_NE(at, std::string::npos) << "answer " << i;
  }
  EXPECT_TRUE(socket.ended());
}

TEST(HttpServer, RequestMayArriveByteByByte) {
  TestServer server(echo);
  RawSocket socket(server.port());
  for (const char c :
       std::string("POST /slow HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                   "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: t\r\n\r\n")) {
    ASSERT_TRUE(socket.send(std::string_view(&c, 1)));
    if (c == '\n') std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(parse_json(body_of(socket.read_all())).value()["body"], Value("hello world"));
}

TEST(HttpServer, SpeaksHttp10) {
  TestServer server(echo);
  EXPECT_THAT(exchange(server.port(), "GET /old HTTP/1.0\r\n\r\n"),
              ::testing::AllOf(StartsWith("HTTP/1.0 200 OK\r\n"), HasSubstr("\r\nConnection: close\r\n")));
  RawSocket kept(server.port());
  ASSERT_TRUE(kept.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  EXPECT_THAT(kept.read_until("\"path\":\"/a\""), HasSubstr("\r\nConnection: keep-alive\r\n"));
  ASSERT_TRUE(kept.send("GET /b HTTP/1.0\r\n\r\n"));
  EXPECT_THAT(kept.read_all(), HasSubstr("\"path\":\"/b\""));
}

TEST(HttpServer, HeadHasLengthButNoBody) {
  TestServer server([](const ServerRequest&) { return ServerResponse{.content_type = "text/plain", .body = "12345"}; });
  const std::string answer = exchange(server.port(), "HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: 5\r\n"));
  EXPECT_EQ(body_of(answer), "");
}

TEST(HttpServer, AbsoluteTargetCountsAsItsPath) {
  TestServer server(echo);
  const std::string answer =
      exchange(server.port(), "GET http://h:1/p?q=1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(parse_json(body_of(answer)).value()["path"], Value("/p"));
}

TEST(HttpServer, AnswersContinueBeforeTheBody) {
  TestServer server(echo);
  RawSocket socket(server.port());
  ASSERT_TRUE(socket.send(
      "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"));
  EXPECT_EQ(socket.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(socket.send("hi"));
  EXPECT_THAT(socket.read_all(), HasSubstr("\"body\":\"hi\""));
}

struct BadRequest {
  const char* name;
  std::string text;
  int status;
};

void PrintTo(const BadRequest& bad, std::ostream* out) { *out << bad.name; }

class HttpServerBadRequest : public ::testing::TestWithParam<BadRequest> {};

TEST_P(HttpServerBadRequest, IsAnsweredWithAFaultstringAndNeverReachesTheHandler) {
  std::atomic<int> handled = 0;
  TestServer server([&](const ServerRequest&) {
    ++handled;
    return ServerResponse();
  });
  const std::string answer = exchange(server.port(), GetParam().text);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + std::to_string(GetParam().status) + " "));
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nX-Request-ID: "));
  const auto body = parse_json(body_of(answer));
  ASSERT_TRUE(body) << answer;
  EXPECT_FALSE((*body)["faultstring"].string().empty());
  EXPECT_EQ(handled, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, HttpServerBadRequest,
    ::testing::Values(
        BadRequest{"garbage", "\x16\x03\x01 hello\r\n\r\n", 400}, BadRequest{"no_version", "GET /\r\n\r\n", 400},
        BadRequest{"wrong_version", "GET / HTTP/3.1\r\nHost: h\r\n\r\n", 400},
        BadRequest{"blank_in_target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        BadRequest{"no_host", "GET / HTTP/1.1\r\n\r\n", 400},
        BadRequest{"two_hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        BadRequest{"no_path", "GET index HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        BadRequest{"bad_escape", "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        BadRequest{"nul_in_path", "GET /a%00b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        BadRequest{"bad_utf8_in_path", "GET /%ff HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        BadRequest{"connect", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        BadRequest{"two_lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                   400},
        BadRequest{"length_and_chunked",
                   "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                   400},
        BadRequest{"negative_length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400},
        BadRequest{"bad_chunk", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n", 400},
        BadRequest{"folded_nonsense", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400},
        BadRequest{"header_without_colon", "GET / HTTP/1.1\r\nHost: h\r\nnonsense\r\n\r\n", 400},
        BadRequest{"endless_chunk_line",
                   "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(200'000, 'x'),
                   431},
        BadRequest{"header_too_big",
                   "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(limits::kHttpHeaderBytesMax, 'x') + "\r\n\r\n",
                   431},
        BadRequest{"target_too_big",
                   "GET /" + std::string(limits::kHttpHeaderBytesMax, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n", 431},
        BadRequest{"length_too_big",
                   "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n" + std::string(100'000, 'x'),
                   413},
        BadRequest{"length_overflow", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n",
                   400}),
    [](const auto& bad) { return bad.param.name; });

TEST(HttpServer, ChunkedBodyBeyondTheLimitIs413) {
  ServerOptions options;
  options.limits.body_bytes = 1000;
  TestServer server(echo, options);
  const std::string big(600, 'x');
  const std::string answer =
      exchange(server.port(), "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n258\r\n" + big +
                                  "\r\n258\r\n" + big + "\r\n0\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 413 "));
}

TEST(HttpServer, SlowHeadersGet408AndIdleConnectionsAreClosed) {
  ServerOptions options;
  options.limits.header_time = 100ms;
  options.limits.idle_time = 150ms;
  TestServer server(echo, options);
  RawSocket slow(server.port());
  // One byte now and then must not keep it alive.
  std::thread dripper([&] {
    for (const char c : std::string("GET / HTTP/1.1\r\nHost: a-long-enough-name-to-take-more-than-the-time")) {
      if (!slow.send(std::string_view(&c, 1))) return;
      std::this_thread::sleep_for(10ms);
    }
  });
  EXPECT_THAT(slow.read_until("}"), StartsWith("HTTP/1.1 408 "));
  dripper.join();
  RawSocket idle(server.port());
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_TRUE(idle.ended());
  RawSocket second(server.port());
  ASSERT_TRUE(second.send(kGet));
  EXPECT_THAT(second.read_all(), StartsWith("HTTP/1.1 200 "));  // and then closed for idling
  EXPECT_TRUE(second.ended());
}

TEST(HttpServer, SlowBodyGets408) {
  ServerOptions options;
  options.limits.body_time = 100ms;
  TestServer server(echo, options);
  RawSocket socket(server.port());
  ASSERT_TRUE(socket.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc"));
  EXPECT_THAT(socket.read_until("}"), StartsWith("HTTP/1.1 408 "));
}

TEST(HttpServer, ClientThatDoesNotReadIsDropped) {
  ServerOptions options;
  options.limits.write_time = 100ms;
  TestServer server([](const ServerRequest&) { return ServerResponse{.body = std::string(64u << 20, 'x')}; }, options);
  RawSocket socket(server.port());
  ASSERT_TRUE(socket.send(kGet));
  for (int i = 0; i < 100 && server.connection_count() != 1; ++i) std::this_thread::sleep_for(10ms);
  for (int i = 0; i < 500 && server.connection_count() != 0; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(server.connection_count(), 0u);
}

TEST(HttpServer, TooManyConnectionsGet503) {
  ServerOptions options;
  options.limits.connections = 2;
  TestServer server(echo, options);
  RawSocket first(server.port());
  RawSocket second(server.port());
  ASSERT_TRUE(first.send(kGet));
  ASSERT_TRUE(second.send(kGet));
  EXPECT_THAT(first.read_until("\"id\""), HasSubstr("200 OK"));
  EXPECT_THAT(second.read_until("\"id\""), HasSubstr("200 OK"));
  RawSocket third(server.port());
  EXPECT_THAT(third.read_all(), StartsWith("HTTP/1.1 503 "));
}

TEST(HttpServer, ResponderWorksFromAnyThreadAndLater) {
  std::vector<std::thread> threads;
  {
    TestServer server(
        HttpServer::Handler([&](const ServerRequest& request, const std::shared_ptr<Responder>& responder) {
          threads.emplace_back([responder, path = request.path] {
            std::this_thread::sleep_for(20ms);
            responder->respond({.body = "\"" + path + "\""});
          });
        }));
    EXPECT_THAT(exchange(server.port(), "GET /later HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
                HasSubstr("\"/later\""));
    for (auto& thread : threads) thread.join();
  }
}

TEST(HttpServer, DroppedResponderIsA500) {
  TestServer server(HttpServer::Handler([](const ServerRequest&, const std::shared_ptr<Responder>&) {}));
  const std::string answer = exchange(server.port(), "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(answer, HasSubstr("faultstring"));
}

TEST(HttpServer, BigBodiesGoThroughBothWays) {
  TestServer server([](const ServerRequest& request) { return ServerResponse{.body = request.body}; });
  std::string big(20u << 20, ' ');
  for (size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>('a' + i * 7 % 23);
  RawSocket socket(server.port());
  std::thread sender([&] {
    socket.send("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: " + std::to_string(big.size()) +
                "\r\n\r\n");
    socket.send(big);
  });
  const std::string answer = socket.read_all();
  sender.join();
  EXPECT_TRUE(body_of(answer) == big);
}

TEST(HttpServer, StopAnswersRunningRequestsAndClosesIdleOnes) {
  std::promise<std::shared_ptr<Responder>> waiting;
  TestServer server(HttpServer::Handler([&](const ServerRequest& request, const std::shared_ptr<Responder>& responder) {
    if (request.path == "/wait") {
      waiting.set_value(responder);
    } else {
      responder->respond({.body = "{}"});
    }
  }));
  RawSocket idle(server.port());
  ASSERT_TRUE(idle.send(kGet));
  idle.read_until("{}");
  RawSocket busy(server.port());
  ASSERT_TRUE(busy.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"));
  const auto responder = waiting.get_future().get();
  server.server().stop();
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_TRUE(idle.ended());
  EXPECT_EQ(server.connection_count(), 1u);
  responder->respond({.body = "\"done\""});
  const std::string answer = busy.read_all();
  EXPECT_THAT(answer, HasSubstr("\"done\""));
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  for (int i = 0; i < 300 && server.connection_count() != 0; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(server.connection_count(), 0u);
  RawSocket refused(server.port());
  EXPECT_FALSE(refused.connected());
}

TEST(HttpServer, RequestsAfterItsEndGet503) {
  testing::LoopThread thread;
  auto server = thread.on_loop([&] {
    return std::move(
        *HttpServer::start(thread.loop, {}, [](const ServerRequest&, const std::shared_ptr<Responder>&) { FAIL(); }));
  });
  RawSocket half(server->port());
  ASSERT_TRUE(half.send("GET / HTTP/1.1\r\nHost:"));
  for (int i = 0; i < 300 && thread.on_loop([&] { return server->connection_count(); }) == 0; ++i)
    std::this_thread::sleep_for(5ms);
  std::this_thread::sleep_for(20ms);
  thread.on_loop([&] { server = nullptr; });
  ASSERT_TRUE(half.send(" h\r\n\r\n"));
  EXPECT_THAT(half.read_all(), StartsWith("HTTP/1.1 503 "));
}

TEST(HttpServer, SaysWhyItCannotStart) {
  EventLoop loop;
  const auto nobody = [](const ServerRequest&, const std::shared_ptr<Responder>&) {};
  auto first = HttpServer::start(loop, {}, nobody);
  ASSERT_TRUE(first);
  const auto taken = HttpServer::start(loop, {.port = (*first)->port()}, nobody);
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message(), HasSubstr("127.0.0.1:" + std::to_string((*first)->port())));
  EXPECT_THAT(taken.error().message(), HasSubstr("in use"));
  EXPECT_FALSE(HttpServer::start(loop, {.address = "no-address"}, nobody));
  const auto no_file =
      HttpServer::start(loop, {.tls_certificate_file = "/nowhere/c.pem", .tls_key_file = "/nowhere/k.pem"}, nobody);
  ASSERT_FALSE(no_file);
  EXPECT_THAT(no_file.error().message(), HasSubstr("/nowhere/c.pem"));
  EXPECT_TRUE(HttpServer::start(loop, {.address = "::1"}, nobody));
}

// Streams.

class HttpServerStream : public ::testing::Test {
 protected:
  HttpServerStream()
      : server_(HttpServer::Handler([this](const ServerRequest&, const std::shared_ptr<Responder>& responder) {
                  stream_.set_value(responder->start_stream({.content_type = "text/event-stream"}));
                }),
                [] {
                  ServerOptions options;
                  options.limits.stream_buffer_bytes = 1u << 20;
                  return options;
                }()) {}
  std::promise<std::shared_ptr<ResponseStream>> stream_;
  TestServer server_;
};

TEST_F(HttpServerStream, SendsChunksAsTheyAreWritten) {
  RawSocket socket(server_.port());
  ASSERT_TRUE(socket.send(kGet));
  auto stream = stream_.get_future().get();
  const std::string head = socket.read_until("\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nContent-Type: text/event-stream\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("Content-Length")));
  EXPECT_TRUE(stream->write("data: 1\n\n"));
  EXPECT_EQ(socket.read_until("\n\n\r\n"), "9\r\ndata: 1\n\n\r\n");
  EXPECT_TRUE(stream->write("data: 2\n\n"));
  EXPECT_EQ(socket.read_until("\n\n\r\n"), "9\r\ndata: 2\n\n\r\n");
  stream->close();
  EXPECT_FALSE(stream->write("late"));
  EXPECT_EQ(socket.read_all(), "0\r\n\r\n");
  EXPECT_TRUE(socket.ended());
}

TEST_F(HttpServerStream, LettingGoClosesAfterWhatWasWritten) {
  RawSocket socket(server_.port());
  ASSERT_TRUE(socket.send("GET / HTTP/1.0\r\n\r\n"));
  auto stream = stream_.get_future().get();
  stream->write("one");
  stream->write("two");
  stream = nullptr;
  EXPECT_EQ(body_of(socket.read_all()), "onetwo");
}

TEST_F(HttpServerStream, NoticesThatTheClientIsGone) {
  auto socket = std::make_unique<RawSocket>(server_.port());
  ASSERT_TRUE(socket->send(kGet));
  auto stream = stream_.get_future().get();
  socket->read_until("\r\n\r\n");
  std::promise<bool> closed;
  stream->on_closed([&] { closed.set_value(server_.thread().loop.is_current()); });
  socket = nullptr;
  EXPECT_TRUE(closed.get_future().get());
  EXPECT_FALSE(stream->write("x"));
  std::promise<void> again;
  stream->on_closed([&] { again.set_value(); });
  again.get_future().wait();
}

TEST_F(HttpServerStream, DropsASlowReader) {
  RawSocket socket(server_.port());
  ASSERT_TRUE(socket.send(kGet));
  auto stream = stream_.get_future().get();
  std::promise<void> closed;
  stream->on_closed([&] { closed.set_value(); });
  const std::string piece(64u << 10, 'x');
  bool open = true;
  for (int i = 0; i < 1000 && open; ++i) open = stream->write(piece);
  EXPECT_FALSE(open);
  closed.get_future().wait();
}

TEST_F(HttpServerStream, StopEndsIt) {
  RawSocket socket(server_.port());
  ASSERT_TRUE(socket.send(kGet));
  auto stream = stream_.get_future().get();
  socket.read_until("\r\n\r\n");
  stream->write("last");
  server_.server().stop();
  EXPECT_EQ(socket.read_all(), "4\r\nlast\r\n0\r\n\r\n");
}

TEST_F(HttpServerStream, HeadRequestGetsNoBody) {
  RawSocket socket(server_.port());
  ASSERT_TRUE(socket.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"));
  auto stream = stream_.get_future().get();
  EXPECT_EQ(body_of(socket.read_all()), "");
  EXPECT_TRUE(socket.ended());
}

TEST_F(HttpServerStream, ManyWritersAtOnceLoseNothing) {
  RawSocket socket(server_.port());
  ASSERT_TRUE(socket.send("GET / HTTP/1.0\r\n\r\n"));
  auto stream = stream_.get_future().get();
  std::vector<std::thread> writers;
  for (int t = 0; t < 4; ++t) {
    writers.emplace_back([&] {
      for (int i = 0; i < 500; ++i) EXPECT_TRUE(stream->write("0123456789"));
    });
  }
  for (auto& writer : writers) writer.join();
  stream->close();
  EXPECT_EQ(body_of(socket.read_all()).size(), 4u * 500 * 10);
}

}  // namespace
}  // namespace squall::net
