// The one place where Asio's and Beast's functions are compiled.
// clang-format off: asio.hpp must come first
#include "net/asio.hpp"

#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
// clang-format on
