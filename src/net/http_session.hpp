// One connection of the HTTP server; the inside of net/.
#pragma once

#include <memory>
#include <unordered_set>

#include "net/byte_stream.hpp"
#include "net/http_server.hpp"

namespace squall::net {

class HttpSession;

// What a server's connections share. Lives on the loop's thread.
struct ServerCore {
  EventLoop& loop;
  ServerLimits limits;
  HttpServer::Handler handler;  // empty once the server is gone
  bool stopping = false;
  std::unordered_set<HttpSession*> sessions;  // open ones; each takes itself out when it closes
};

class HttpSession {
 public:
  virtual ~HttpSession() = default;
  // Ends an idle connection or a stream; lets a running request finish, then closes.
  virtual void stop() = 0;

  // Takes care of itself from here on.
  static void start(std::shared_ptr<ServerCore> core, std::unique_ptr<ByteStream> stream);
};

}  // namespace squall::net
