// Turns the bytes of one connection into requests. Pure: no I/O, no clock.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "net/http_server.hpp"

namespace squall::net {

class RequestReader {
 public:
  enum class Progress {
    kIdle,      // between two requests, nothing of the next one has come
    kHead,      // in the request line or the headers
    kBody,      // the head is complete
    kComplete,  // take() the request
    kBad,       // fault() says why; the connection is of no more use
  };

  explicit RequestReader(const ServerLimits& limits);
  ~RequestReader();

  // Adds bytes from the client. What follows a complete request is kept for the next one.
  Progress feed(std::string_view bytes);
  // Goes on with what is kept, after take().
  Progress resume() { return feed({}); }

  struct Request {
    ServerRequest request;  // without remote_address and id
    bool keep_alive = false;
    bool http_1_0 = false;
    bool is_head = false;
  };
  // The complete request; the reader is ready for the next one.
  Request take();

  // For kBad: 400, 413 or 431 with the reason.
  const ServerResponse& fault() const { return fault_; }
  // True once for each request whose client waits for "100 Continue" before it sends the body.
  bool take_expect_continue();

 private:
  struct Parser;
  Progress bad(int status, std::string_view reason);
  Progress check_head();
  Progress complete();

  ServerLimits limits_;
  std::unique_ptr<Parser> parser_;
  std::string rest_;  // bytes that the parser has not taken yet
  Progress progress_ = Progress::kIdle;
  ServerResponse fault_;
  Request request_;
  bool expects_continue_ = false;
};

}  // namespace squall::net
