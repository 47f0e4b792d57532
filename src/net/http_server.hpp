// HttpServer: HTTP/1.1 with keep-alive and TLS, on Boost.Beast, living on an EventLoop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/limits.hpp"
#include "base/result.hpp"
#include "net/event_loop.hpp"
#include "net/http_message.hpp"

namespace squall::net {

struct ServerRequest {
  std::string method;
  std::string path;  // decoded, without the query
  std::string raw_path;
  QueryParameters query;
  Headers headers;
  std::string body;
  std::string remote_address;
  std::string id;  // X-Request-ID of the client, or a fresh uuid4

  // First value of a query parameter, or nothing.
  std::optional<std::string> query_value(std::string_view name) const;
};

struct ServerResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  Headers headers;
};

// An endless answer (server-sent events). Thread-safe; a slow reader is dropped when its buffer passes a limit
// (ServerLimits::stream_buffer_bytes). Letting go of it closes it.
class ResponseStream {
 public:
  virtual ~ResponseStream() = default;
  // False when the client is gone; nothing was kept then.
  virtual bool write(std::string bytes) = 0;
  // Ends the answer after what was written.
  virtual void close() = 0;
  // `callback` runs once, on the loop, when the stream has ended, whoever ended it; at once if it has already.
  virtual void on_closed(std::function<void()> callback) = 0;
};

// Completes one request, from any thread, exactly once (a second time is a programmer's mistake). When it is dropped
// unused, the client gets a 500. Must not outlive the EventLoop.
class Responder {
 public:
  virtual ~Responder() = default;
  virtual void respond(ServerResponse response) = 0;
  virtual std::shared_ptr<ResponseStream> start_stream(ServerResponse head) = 0;
};

// What one client may take. Times are totals, so that sending one byte now and then does not extend them.
struct ServerLimits {
  size_t header_bytes = limits::kHttpHeaderBytesMax;  // 431
  size_t body_bytes = limits::kHttpBodyBytesMax;      // 413
  size_t connections = limits::kHttpConnectionsMax;   // 503
  size_t stream_buffer_bytes = 4u << 20;              // bytes written to a ResponseStream that the client has not taken
  Duration header_time = std::chrono::seconds(30);    // TLS handshake; request line and headers: 408
  Duration body_time = std::chrono::minutes(5);       // 408
  Duration write_time = std::chrono::seconds(60);     // for 256 KiB of an answer: dropped
  Duration idle_time = std::chrono::seconds(75);      // between two requests of one connection: closed
};

struct ServerOptions {
  std::string address = "127.0.0.1";  // an IP address or "localhost"
  uint16_t port = 0;                  // 0: any free port, see HttpServer::port()
  std::string tls_certificate_file;   // PEM, leaf first; both empty: plain HTTP
  std::string tls_key_file;
  ServerLimits limits;
};

// Calls `handler` on the loop for each request; it must not block. Adds X-Request-ID to every answer. What is no valid
// HTTP is answered with 400 and {"faultstring": reason} and never reaches the handler.
// Made on any thread; destroyed on the loop's thread or when nobody runs the loop. What its clients ask afterwards is
// answered with 503 until they are gone.
class HttpServer {
 public:
  using Handler = std::function<void(ServerRequest, std::shared_ptr<Responder>)>;
  // Binds and listens at once; the error names address, port and reason.
  static Result<std::unique_ptr<HttpServer>> start(EventLoop& loop, ServerOptions options, Handler handler);
  virtual ~HttpServer() = default;
  virtual uint16_t port() const = 0;
  // Stops accepting, closes idle connections and ends streams; running requests are answered. Thread-safe.
  virtual void stop() = 0;
  // Open connections. On the loop's thread: zero after stop() means that everybody has their answer.
  virtual size_t connection_count() const = 0;
};

}  // namespace squall::net
