// Boost.Beast's HTTP parser for the .cpp files of net/; see asio.hpp, which must come first here.
#pragma once

// clang-format off
#include "net/asio.hpp"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>
// clang-format on

namespace squall::net {
namespace http = boost::beast::http;
}  // namespace squall::net
