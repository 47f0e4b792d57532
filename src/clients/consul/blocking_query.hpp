// BlockingQuery: the rules of Consul's index for reads that wait for a change (kubernetes-aws-vault-consul.md section
// 6).
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.hpp"

namespace squall::clients {

// Remembers the index of the last answer. An index that goes down means that Consul was restored from a snapshot: the
// next read does not wait and everything must be looked at again. An index of 0 would make reads return at once for
// ever, so 1 is the least. An answer is not a change: compare what you care about. Not thread-safe.
class BlockingQuery {
 public:
  // `wait`: the longest that one read may wait, from 1 s to 10 min (Consul's limit).
  explicit BlockingQuery(Duration wait, int64_t index = 0);

  // "" for a read that does not wait, else "index=N&wait=Ns".
  std::string parameters() const;
  // How long the HTTP exchange may take: Consul adds up to a sixteenth to the wait.
  Duration http_timeout() const;
  // Takes the X-Consul-Index of an answer. True when it differs from the last one.
  bool take(int64_t index);
  int64_t index() const { return index_; }

 private:
  Duration wait_;
  int64_t index_;
};

}  // namespace squall::clients
