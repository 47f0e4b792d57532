// The audit log: who changed what, who read a secret, and who was refused. One JSON object a line in the form of
// StackStorm's audit logs (GELF 1.1).
#pragma once

#include <map>
#include <string>

#include "base/clock.hpp"

namespace squall::api {

struct AuditEntry {
  std::string message;                       // "Run an action"
  std::map<std::string, std::string> facts;  // user, method, path, status, ...; no secrets
};

// What is kept of a request until its answer is known.
struct AuditFacts {
  std::string user;  // empty: nobody who is known
  std::string auth_method, address, path, request_id;
  bool is_change_or_secret = false;
};

// Lives on one thread. The file is opened for each line, so that it can be moved away at any time. A line that cannot
// be written is told in squall's log; the request is answered all the same.
class AuditLog {
 public:
  AuditLog(const Clock& clock, std::string path);
  void write(const AuditEntry& entry);

 private:
  const Clock& clock_;
  std::string path_;
  std::string host_;
  bool broken_ = false;  // told already
};

}  // namespace squall::api
