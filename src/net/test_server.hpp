// For tests: an event loop on its own thread, a server on it, and raw sockets.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <thread>

#include "base/strings.hpp"
#include "net/http_client.hpp"
#include "net/http_server.hpp"

namespace squall::net::testing {

// Runs a loop until destroyed.
class LoopThread {
 public:
  LoopThread() : thread_([this] { loop.run(); }) {}
  ~LoopThread() { stop(); }
  void stop() {
    if (!thread_.joinable()) return;
    loop.stop();
    thread_.join();
  }
  // Runs `function` on the loop and waits for its result.
  template <typename F>
  auto on_loop(F function) {
    std::packaged_task<decltype(function())()> task(std::move(function));
    auto result = task.get_future();
    loop.post([&task] { task(); });
    return result.get();
  }

  EventLoop loop;

 private:
  std::thread thread_;
};

// A server whose answers come from a function; `requests` is read after the exchange only.
class TestServer {
 public:
  using Answer = std::function<ServerResponse(const ServerRequest&)>;

  explicit TestServer(Answer answer, ServerOptions options = {})
      : TestServer(HttpServer::Handler([answer = std::move(answer)](ServerRequest request,
                                                                    const std::shared_ptr<Responder>& responder) {
                     responder->respond(answer(request));
                   }),
                   std::move(options)) {}
  explicit TestServer(HttpServer::Handler handler, ServerOptions options = {})
      : tls_(!options.tls_certificate_file.empty()) {
    auto started = HttpServer::start(thread_.loop, std::move(options), std::move(handler));
    if (!started) throw std::runtime_error(started.error().to_string());
    server_ = std::move(*started);
  }
  ~TestServer() {
    thread_.stop();
    server_ = nullptr;
  }

  std::string url(std::string_view path = "/") const {
    return (tls_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port()) + std::string(path);
  }
  uint16_t port() const { return server_->port(); }
  HttpServer& server() { return *server_; }
  LoopThread& thread() { return thread_; }
  size_t connection_count() {
    return thread_.on_loop([this] { return server_->connection_count(); });
  }

 private:
  LoopThread thread_;
  std::unique_ptr<HttpServer> server_;
  bool tls_;
};

inline HttpRequest get(std::string url) {
  HttpRequest request;
  request.url = std::move(url);
  return request;
}

// Shows what arrived: request line, headers in lower case, empty line, body.
inline ServerResponse mirror(const ServerRequest& request) {
  ServerResponse response{.content_type = "text/plain", .body = request.method + " " + request.path + "\n"};
  for (const auto& [name, value] : request.headers) response.body += to_lower(name) + ": " + value + "\n";
  response.body += "\n" + request.body;
  return response;
}

// A plain TCP connection for what no proper client would send.
class RawSocket {
 public:
  explicit RawSocket(uint16_t port, std::chrono::milliseconds receive_timeout = std::chrono::seconds(10))
      : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval timeout{receive_timeout.count() / 1000, (receive_timeout.count() % 1000) * 1000};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawSocket() { ::close(fd_); }
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  bool connected() const { return connected_; }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  void finish() { shutdown(fd_, SHUT_WR); }
  // Everything until `marker` (included), the end or the receive timeout.
  std::string read_until(std::string_view marker) {
    std::string text;
    char byte = 0;
    while (text.find(marker) == std::string::npos && recv(fd_, &byte, 1, 0) == 1) text += byte;
    return text;
  }
  // Everything until the server closes.
  std::string read_all() {
    std::string text;
    char buffer[4096];
    ssize_t got = 0;
    while ((got = recv(fd_, buffer, sizeof buffer, 0)) > 0) text.append(buffer, static_cast<size_t>(got));
    ended_ = got == 0;
    return text;
  }
  bool ended() const { return ended_; }
  int fd() const { return fd_; }

 private:
  int fd_;
  bool connected_ = false;
  bool ended_ = false;
};

// A fresh self-signed certificate for localhost and 127.0.0.1 in a folder that goes away again.
class TestCertificate {
 public:
  explicit TestCertificate(const std::string& name = "localhost") {
    char folder[] = "/tmp/squall-tls-XXXXXX";
    folder_ = mkdtemp(folder);
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=" + name +
        " -addext subjectAltName=DNS:" + name + (name == "localhost" ? ",IP:127.0.0.1" : "") + " -keyout " +
        key_file() + " -out " + certificate_file() + " >/dev/null 2>&1";
    if (std::system(command.c_str()) != 0) throw std::runtime_error("the openssl program cannot make a certificate");
  }
  ~TestCertificate() { std::filesystem::remove_all(folder_); }
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;

  std::string certificate_file() const { return folder_ + "/cert.pem"; }
  std::string key_file() const { return folder_ + "/key.pem"; }
  ServerOptions server_options() const {
    ServerOptions options;
    options.tls_certificate_file = certificate_file();
    options.tls_key_file = key_file();
    return options;
  }

 private:
  std::string folder_;
};

}  // namespace squall::net::testing
