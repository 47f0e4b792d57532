#include "net/byte_stream_asio.hpp"

namespace squall::net {
namespace {

constexpr auto kGoodbyeTimeout = std::chrono::seconds(2);

// The TLS engine is shared with the operations under way, so that a goodbye may outlive the session that said it.
class TlsStream final : public ByteStream {
 public:
  TlsStream(tcp::socket socket, asio::ssl::context& context)
      : stream_(std::make_shared<asio::ssl::stream<tcp::socket>>(std::move(socket), context)) {}

  void start(Done done) override {
    stream_->async_handshake(asio::ssl::stream_base::server,
                             [this, stream = stream_, done = std::move(done)](BoostError error) {
                               established_ = !error;
                               done(!error);
                             });
  }
  void read_some(std::span<char> into, ReadDone done) override {
    stream_->async_read_some(
        asio::buffer(into.data(), into.size()),
        [stream = stream_, done = std::move(done)](BoostError error, size_t count) { done(!error, count); });
  }
  void write(std::string_view bytes, Done done) override {
    writing_ = true;
    asio::async_write(*stream_, asio::buffer(bytes.data(), bytes.size()),
                      [this, stream = stream_, done = std::move(done)](BoostError error, size_t) {
                        writing_ = false;
                        established_ = established_ && !error;
                        done(!error);
                      });
  }
  void finish() override {}  // TLS cannot close one direction; Content-Length and "Connection: close" say it
  void close() override {
    if (closed_) return;
    closed_ = true;
    if (!established_ || writing_) {
      close_socket(*stream_);
      return;
    }
    auto timer = std::make_shared<asio::steady_timer>(stream_->get_executor(), kGoodbyeTimeout);
    timer->async_wait([stream = stream_, timer](BoostError error) {
      if (!error) close_socket(*stream);
    });
    stream_->async_shutdown([stream = stream_, timer](BoostError) {
      timer->cancel();
      close_socket(*stream);
    });
  }
  std::string remote_address() const override { return peer_address(stream_->next_layer()); }

 private:
  static void close_socket(asio::ssl::stream<tcp::socket>& stream) {
    BoostError ignored;
    stream.next_layer().shutdown(tcp::socket::shutdown_both, ignored);
    stream.next_layer().close(ignored);
  }

  std::shared_ptr<asio::ssl::stream<tcp::socket>> stream_;
  bool established_ = false;
  bool writing_ = false;
  bool closed_ = false;
};

}  // namespace

std::unique_ptr<ByteStream> make_tls_stream(tcp::socket socket, asio::ssl::context& context) {
  return std::make_unique<TlsStream>(std::move(socket), context);
}

}  // namespace squall::net
