// The endless answer of one session; the inside of net/.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "net/http_server.hpp"

namespace squall::net {

// What the application writes, until the session has taken it. Thread-safe. Shared by both: the application holds it
// through a ResponseStream that closes it at the end.
class StreamBuffer : public std::enable_shared_from_this<StreamBuffer> {
 public:
  // `wake` is posted to the loop when there is something new for the session.
  StreamBuffer(EventLoop& loop, size_t bytes_max) : loop_(loop), bytes_max_(bytes_max) {}

  // The application's side.
  bool write(std::string_view bytes);
  void close();
  void on_closed(std::function<void()> callback);

  // The session's side, on the loop's thread.
  void attach(std::function<void()> wake);
  struct Taken {
    std::string bytes;
    bool closed = false;    // nothing will follow `bytes`
    bool overflow = false;  // the client is too slow: drop it
  };
  Taken take();
  // The connection has ended; callbacks are posted.
  void end();

 private:
  void wake_locked();

  EventLoop& loop_;
  const size_t bytes_max_;
  std::mutex mutex_;
  std::string pending_;
  std::function<void()> wake_;
  std::vector<std::function<void()>> callbacks_;
  bool wake_posted_ = false;
  bool closed_ = false;
  bool overflow_ = false;
  bool ended_ = false;
};

std::shared_ptr<ResponseStream> make_response_stream(std::shared_ptr<StreamBuffer> buffer);

}  // namespace squall::net
