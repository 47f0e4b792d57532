// Makers of ByteStreams, for the .cpp files of net/.
#pragma once

#include "net/asio.hpp"
#include "net/byte_stream.hpp"

namespace squall::net {

std::unique_ptr<ByteStream> make_plain_stream(tcp::socket socket);
// `context` must outlive the stream.
std::unique_ptr<ByteStream> make_tls_stream(tcp::socket socket, asio::ssl::context& context);

// "10.0.0.1" of the peer; empty when it is gone already.
std::string peer_address(const tcp::socket& socket);

}  // namespace squall::net
