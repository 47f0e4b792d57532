// The bytes that stand before an answer's body.
#pragma once

#include <string>

#include "net/http_server.hpp"

namespace squall::net {

struct HeadOptions {
  bool keep_alive = true;
  bool http_1_0 = false;
  bool chunked = false;  // the length is not known: no Content-Length
  std::string_view request_id;
};

// Status line and headers with the empty line. Headers of the framing (Content-Length, Transfer-Encoding, Connection)
// are ours: those given are left out. Control characters become blanks, so that no value can start a header of its own.
std::string response_head(const ServerResponse& response, const HeadOptions& options);

// True for statuses that never have a body.
bool has_no_body(int status);

// {"faultstring": message}, the body of every error of this server.
ServerResponse fault(int status, std::string_view message);

}  // namespace squall::net
