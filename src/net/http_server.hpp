// HttpServer: HTTP/1.1 with keep-alive and TLS, on Boost.Beast, living on an EventLoop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

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

// An endless answer (server-sent events). Thread-safe; a slow reader is dropped when its buffer passes a limit.
class ResponseStream {
 public:
  virtual ~ResponseStream() = default;
  // False when the client is gone.
  virtual bool write(std::string bytes) = 0;
  virtual void close() = 0;
  virtual void on_closed(std::function<void()> callback) = 0;
};

// Completes one request, from any thread, exactly once. When it is dropped unused, the client gets a 500.
class Responder {
 public:
  virtual ~Responder() = default;
  virtual void respond(ServerResponse response) = 0;
  virtual std::shared_ptr<ResponseStream> start_stream(ServerResponse head) = 0;
};

struct ServerOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 0;  // 0: any free port, see HttpServer::port()
  std::string tls_certificate_file;  // both empty: plain HTTP
  std::string tls_key_file;
};

// Calls `handler` on the loop for each request; it must not block. Header and body sizes and the number of connections are
// limited (base/limits.hpp): 431, 413 and 503. Adds X-Request-ID to every answer.
class HttpServer {
 public:
  using Handler = std::function<void(ServerRequest, std::shared_ptr<Responder>)>;
  // Binds and listens at once; the error names address, port and reason.
  static Result<std::unique_ptr<HttpServer>> start(EventLoop& loop, ServerOptions options, Handler handler);
  virtual ~HttpServer() = default;
  virtual uint16_t port() const = 0;
  // Stops accepting and closes idle connections; running requests are answered.
  virtual void stop() = 0;
};

}  // namespace squall::net
