// HttpClient: all outgoing HTTP, on libcurl's multi interface.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/result.hpp"
#include "base/stop_token.hpp"
#include "net/http_message.hpp"

namespace squall::net {

// TLS of one request. PEM texts win over files.
struct TlsOptions {
  bool verify = true;
  std::string ca_file;
  std::string ca_pem;
  std::string certificate_file, key_file;  // client certificate
  std::string certificate_pem, key_pem;
  std::string server_name;  // name to ask for and to check instead of the URL's host
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  Headers headers;
  std::string body;
  TlsOptions tls;
  std::string proxy;               // empty: from the usual environment variables
  bool direct = false;             // no proxy, whatever the environment says
  std::string username, password;  // basic authentication, when username is not empty
  // Up to 10. Method and body are kept on 307 and 308. To another host, port or scheme go only headers that cannot be
  // credentials: Accept*, Content-*, If-*, Range and User-Agent.
  bool follow_redirects = false;
  bool accept_compressed = false;  // offers gzip, deflate, br and zstd; the body arrives unpacked
  size_t response_bytes_max = limits::kHttpClientBodyBytesMax;  // of the unpacked body; not for stream()
  Duration connect_timeout = std::chrono::seconds(10);
  Duration timeout = std::chrono::seconds(60);  // of the whole exchange; zero: none (streams)
  Duration idle_timeout = Duration::zero();     // no byte for so long: kTimeout; zero: none
};

struct HttpResponse {
  int status = 0;
  Headers headers;
  std::string body;
  std::string url;  // after redirects
};

// Holds the body of a stream back at its source: while it is shut nothing is read, so the server has to wait and the
// stream's idle timeout does not run. Chunks that were read before still arrive. Thread-safe; open at first.
class Valve {
 public:
  void shut();
  void open();
  bool is_open() const;

 private:
  friend class HttpClient;
  void on_open(std::function<void()> callback);

  mutable std::mutex mutex_;
  bool open_ = true;
  std::function<void()> on_open_;  // lets the client's thread know
};

// One thread drives all exchanges; connections are kept and reused, HTTP/2 is used where the server offers it.
// Thread-safe. Callbacks run on the client's own thread and must not block: hand over to an executor. Errors are those
// of the transport (kUnavailable: no connection or no trust, kTimeout, kCanceled, kInvalid: bad URL, header, method or
// certificate, kLimit: body too big) and name the server, never paths, queries, header values or bodies. type() is
// "TlsVerification" when the server's certificate was not accepted. An HTTP error status is a response. Nothing is
// logged.
class HttpClient {
 public:
  HttpClient();
  ~HttpClient();  // cancels what is in flight; its callbacks get kCanceled. Not on the client's own thread.
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  using Done = std::function<void(Result<HttpResponse>)>;
  // `done` is called exactly once. A stop ends the exchange with kCanceled.
  void send(HttpRequest request, StopToken stop, Done done);

  struct StreamHandlers {
    std::function<void(const HttpResponse& head)> on_head;  // status and headers, once
    std::function<void(std::string_view chunk)> on_chunk;   // body bytes as they arrive
    std::function<void(Status)> on_done;                    // once; success: the server ended the body
    std::shared_ptr<Valve> valve;                           // of this stream alone, over HTTP/1.1 then; may be null
  };
  void stream(HttpRequest request, StopToken stop, StreamHandlers handlers);

  // send() that waits; for threads that may block (never the client's own or the executor's).
  Result<HttpResponse> call(HttpRequest request, StopToken stop = {});

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with the threads that are just stopping a request
};

}  // namespace squall::net
