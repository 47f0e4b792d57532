// Datastore: the key-value pairs that actions, sensors and templates share (stackstorm-features.md section M).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/executor.hpp"
#include "base/result.hpp"
#include "engine/changes.hpp"
#include "store/store.hpp"
#include "value/value.hpp"

namespace squall::engine {

inline constexpr std::string_view kSystemScope = "st2kv.system";
inline constexpr std::string_view kUserScope = "st2kv.user";

// Where a pair is kept. `name` as it is stored: "user:name" in the scope of users.
std::string key_value_id(std::string_view scope, std::string_view name);

// Values that have outlived their time count as absent, whether they have been swept away yet or not.
bool is_expired(const Value& key_value, Timestamp now);

// Lives on the engine's thread. A change, the trigger instances that tell of it and what rules make of these are one
// transaction. Values stand here as they are stored: who wants secrets encrypts before and decrypts after.
class Datastore {
 public:
  // Adds a trigger instance, and all that follows from it, to the changes.
  using Dispatch = std::function<void(const std::string& trigger, const Value& payload, Changes&)>;
  using Done = std::function<void(Result<Value>)>;

  Datastore(const Clock& clock, Executor& executor, store::Store& store, Committer& committer, Dispatch dispatch)
      : clock_(clock), executor_(executor), store_(store), committer_(committer), dispatch_(std::move(dispatch)) {}
  ~Datastore();
  Datastore(const Datastore&) = delete;
  Datastore& operator=(const Datastore&) = delete;

  // Begins to sweep away what expires.
  Status start();

  // `name` as it is stored: "user:name" in the scope of users. Null when there is none.
  Result<Value> find(const std::string& scope, const std::string& name) const;

  // Sets the pair {name, scope, value, secret, encrypted, description?, expire_timestamp?}; gives the stored document,
  // whose id is that of the pair it replaces.
  void set(Value pair, const Done& done);
  // Gives the pair that was removed; null when there was none.
  void remove(const std::string& scope, const std::string& name, const Done& done);

 private:
  void commit(const std::string& id, const Value& pair, Changes changes, const Value& answer, const Done& done);
  void arm(Timestamp due);
  void sweep();

  const Clock& clock_;
  Executor& executor_;
  store::Store& store_;
  Committer& committer_;
  Dispatch dispatch_;
  // What has been changed and is not durable yet, with the number of commits under way; null: removed.
  struct InFlight {
    Value pair;
    size_t commits = 0;
  };
  std::map<std::string, InFlight, std::less<>> in_flight_;
  Executor::TimerId timer_ = 0;
  std::optional<Timestamp> due_;
};

}  // namespace squall::engine
