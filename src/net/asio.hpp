// Boost.Asio for the .cpp files of net/. No other file of squall may include Asio or Beast headers directly: the
// switches below must come first in every file, or inline and separately compiled copies of the same static variables
// get mixed (then error codes stop comparing equal and signals are not delivered).
#pragma once

// Asio's and Beast's functions are compiled once, in asio_impl.cpp.
#define BOOST_ASIO_SEPARATE_COMPILATION
#define BOOST_ASIO_NO_DEPRECATED
#define BOOST_BEAST_SEPARATE_COMPILATION

#include <boost/asio/buffer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

namespace squall::net {
namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using BoostError = boost::system::error_code;
}  // namespace squall::net
