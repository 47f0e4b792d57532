// ThirdPartyObjects: what the sensor for third-party resources knows of the objects, and what follows from what it
// hears.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/store.hpp"
#include "value/value.hpp"

namespace squall::sensors {

// One difference between what was known and what is.
struct ThirdPartyChange {
  std::string key;    // "namespace/name"
  std::string event;  // "ADDED", "MODIFIED" or "DELETED"
  Value payload;      // of the trigger, as in 2016: {resource, name, labels, namespace, object_kind, uid}
};

// Level-triggered: whatever is heard again, in whatever words, is told once. An object that is there and was not told
// of is ADDED even when the server calls it MODIFIED; one that is known and unchanged is nothing, however often the
// server adds it. Pure, but for load() and the function of take_writes().
class ThirdPartyObjects {
 public:
  // `scope` stands for one URL; the objects of each have their own place in the store.
  explicit ThirdPartyObjects(std::string scope) : scope_(std::move(scope)) {}

  Status load(store::Store& store);
  // An event of the stream. kInvalid when it lacks what a payload needs; nothing has changed then.
  Result<std::vector<ThirdPartyChange>> apply(std::string_view event, const Value& object);
  // All objects that there are. Those that are no objects are left out and counted in `refused`.
  std::vector<ThirdPartyChange> replace(const Value& items, int64_t& refused);

  // What has changed since the last call, to be written in the transaction of the events; empty when nothing has.
  store::Store::WriteFunction take_writes();

  size_t size() const { return known_.size(); }
  const std::string& scope() const { return scope_; }

 private:
  struct Known {
    std::string uid, version;
    Value payload;
  };
  struct Heard {
    std::string key;
    Known object;
  };
  static Result<Heard> read(const Value& object);
  void set(const std::string& key, Known object);
  void forget(const std::string& key, std::vector<ThirdPartyChange>& changes);
  void hear(Heard heard, std::vector<ThirdPartyChange>& changes);

  const std::string scope_;
  std::map<std::string, Known> known_;                 // by key
  std::map<std::string, std::optional<Known>> dirty_;  // not yet written; nothing: erased
};

// Erases what is kept of other scopes than this one.
Status erase_other_third_party_scopes(store::WriteTx& transaction, const std::string& scope);

}  // namespace squall::sensors
