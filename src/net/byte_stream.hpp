// ByteStream: one accepted connection, plain or TLS, as the HTTP session sees it.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace squall::net {

// Lives on the loop's thread. At most one read and one write at a time. Callbacks never run inside the call that starts
// the operation, are called exactly once unless the loop ends first, and keep alive what they capture until then.
class ByteStream {
 public:
  // `ok` is false at the end of the stream and at any error; what went wrong makes no difference to a server.
  using Done = std::function<void(bool ok)>;
  using ReadDone = std::function<void(bool ok, size_t count)>;

  virtual ~ByteStream() = default;
  // TLS: the handshake. Plain: nothing.
  virtual void start(Done done) = 0;
  virtual void read_some(std::span<char> into, ReadDone done) = 0;
  // Writes all of `bytes`, which must stay until `done`.
  virtual void write(std::string_view bytes, Done done) = 0;
  // Tells the peer that nothing more is coming, where that is possible; reading goes on.
  virtual void finish() = 0;
  // Says goodbye (TLS close_notify, FIN) and closes; pending operations end with ok == false.
  virtual void close() = 0;
  virtual std::string remote_address() const = 0;
};

}  // namespace squall::net
