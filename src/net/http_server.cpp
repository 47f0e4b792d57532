#include "net/http_server.hpp"

#include "base/assert.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "net/byte_stream_asio.hpp"
#include "net/event_loop_impl.hpp"
#include "net/http_session.hpp"
#include "net/response_head.hpp"

namespace squall::net {

std::optional<std::string> ServerRequest::query_value(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

namespace {

// After an accept that failed for lack of descriptors or memory.
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);

// Accepts until stopped. Shared by the server and by the operation under way.
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  Listener(EventLoop& loop, ServerOptions options, HttpServer::Handler handler)
      : core_(std::make_shared<ServerCore>(ServerCore{loop, options.limits, std::move(handler)})),
        options_(std::move(options)),
        acceptor_(loop.impl().context) {}

  Status open();
  uint16_t port() const { return port_; }
  size_t connection_count() const { return core_->sessions.size(); }
  EventLoop& loop() { return core_->loop; }
  void accept();
  void stop();
  void forget_handler() { core_->handler = nullptr; }

 private:
  Status load_certificate();
  void welcome(tcp::socket socket);
  void turn_away(tcp::socket socket);

  std::shared_ptr<ServerCore> core_;
  ServerOptions options_;
  std::unique_ptr<asio::ssl::context> tls_;
  tcp::acceptor acceptor_;
  uint16_t port_ = 0;
};

Status Listener::open() {
  const std::string place = options_.address + ":" + std::to_string(options_.port);
  BoostError error;
  const auto address = asio::ip::make_address(options_.address == "localhost" ? "127.0.0.1" : options_.address, error);
  if (error)
    return fail(ErrorCode::kInvalid, "cannot listen on " + place + ": \"" + options_.address + "\" is no IP address");
  if (auto loaded = load_certificate(); !loaded) return loaded;
  const tcp::endpoint endpoint(address, options_.port);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(tcp::acceptor::max_listen_connections, error);
  if (error) return fail(ErrorCode::kIo, "cannot listen on " + place + ": " + error.message());
  port_ = acceptor_.local_endpoint(error).port();
  return {};
}

Status Listener::load_certificate() {
  if (options_.tls_certificate_file.empty() && options_.tls_key_file.empty()) return {};
  BoostError error;
  tls_ = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(tls_->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_mode(tls_->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  tls_->set_options(asio::ssl::context::no_compression | asio::ssl::context::single_dh_use, error);
  tls_->use_certificate_chain_file(options_.tls_certificate_file, error);
  if (error) {
    return fail(ErrorCode::kInvalid,
                "cannot use TLS certificate " + options_.tls_certificate_file + ": " + error.message());
  }
  tls_->use_private_key_file(options_.tls_key_file, asio::ssl::context::pem, error);
  if (error) return fail(ErrorCode::kInvalid, "cannot use TLS key " + options_.tls_key_file + ": " + error.message());
  return {};
}

void Listener::accept() {
  acceptor_.async_accept([self = shared_from_this()](BoostError error, tcp::socket socket) {
    if (!self->acceptor_.is_open()) return;
    if (!error) {
      self->welcome(std::move(socket));
    } else if (error != asio::error::connection_aborted) {
      log_warning("cannot accept a connection", {{"error", error.message()}});
      self->loop().post_after(kAcceptPause, [self] {
        if (self->acceptor_.is_open()) self->accept();
      });
      return;
    }
    self->accept();
  });
}

void Listener::welcome(tcp::socket socket) {
  if (core_->sessions.size() >= core_->limits.connections) return turn_away(std::move(socket));
  BoostError ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  HttpSession::start(
      core_, tls_ != nullptr ? make_tls_stream(std::move(socket), *tls_) : make_plain_stream(std::move(socket)));
}

// Best effort: one write that cannot block, since an empty socket buffer takes a few hundred bytes.
void Listener::turn_away(tcp::socket socket) {
  log_warning("turned a client away: too many connections", {{"limit", std::to_string(core_->limits.connections)}});
  if (tls_ != nullptr) return;
  const ServerResponse response = fault(503, "The server has too many connections.");
  const std::string bytes =
      response_head(response, {.keep_alive = false, .request_id = Random::system().uuid4()}) + response.body;
  BoostError ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(bytes), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

void Listener::stop() {
  if (core_->stopping) return;
  core_->stopping = true;
  BoostError ignored;
  acceptor_.close(ignored);
  // A copy: sessions that close take themselves out.
  const std::vector<HttpSession*> sessions(core_->sessions.begin(), core_->sessions.end());
  for (HttpSession* session : sessions) session->stop();
}

class Server final : public HttpServer {
 public:
  explicit Server(std::shared_ptr<Listener> listener) : listener_(std::move(listener)) {}
  ~Server() override {
    const bool loop_is_still = listener_->loop().impl().thread.load() == std::thread::id();
    SQ_ASSERT(loop_is_still || listener_->loop().is_current());
    listener_->forget_handler();
    listener_->stop();
  }
  uint16_t port() const override { return listener_->port(); }
  void stop() override {
    listener_->loop().post([listener = listener_] { listener->stop(); });
  }
  size_t connection_count() const override { return listener_->connection_count(); }

 private:
  std::shared_ptr<Listener> listener_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(EventLoop& loop, ServerOptions options, Handler handler) {
  auto listener = std::make_shared<Listener>(loop, std::move(options), std::move(handler));
  SQ_CHECK(listener->open());
  loop.post([listener] { listener->accept(); });
  return std::make_unique<Server>(std::move(listener));
}

}  // namespace squall::net
