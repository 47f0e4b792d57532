// The one place where Asio's and Beast's functions are compiled; asio.hpp must come first.
// clang-format off
#include "net/asio.hpp"

#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
// clang-format on
