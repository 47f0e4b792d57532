#include "net/byte_stream_asio.hpp"

namespace squall::net {
namespace {

class PlainStream final : public ByteStream {
 public:
  explicit PlainStream(tcp::socket socket) : socket_(std::move(socket)) {}

  void start(Done done) override {
    asio::post(socket_.get_executor(), [done = std::move(done)] { done(true); });
  }
  void read_some(std::span<char> into, ReadDone done) override {
    socket_.async_read_some(asio::buffer(into.data(), into.size()),
                            [done = std::move(done)](BoostError error, size_t count) { done(!error, count); });
  }
  void write(std::string_view bytes, Done done) override {
    asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()),
                      [done = std::move(done)](BoostError error, size_t) { done(!error); });
  }
  void finish() override {
    BoostError ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
  }
  void close() override {
    BoostError ignored;
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
  }
  std::string remote_address() const override { return peer_address(socket_); }

 private:
  tcp::socket socket_;
};

}  // namespace

std::unique_ptr<ByteStream> make_plain_stream(tcp::socket socket) {
  return std::make_unique<PlainStream>(std::move(socket));
}

std::string peer_address(const tcp::socket& socket) {
  BoostError error;
  const auto endpoint = socket.remote_endpoint(error);
  return error ? std::string() : endpoint.address().to_string();
}

}  // namespace squall::net
