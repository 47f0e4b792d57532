// Access: tokens and API keys (stackstorm-features.md section P). What is stored is a hash, so that the data directory
// lets nobody in.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "auth/identity.hpp"
#include "base/executor.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "store/store.hpp"
#include "value/value.hpp"

namespace squall::auth {

struct AccessOptions {
  Duration token_ttl_max = std::chrono::hours(24);
};

// StackStorm's hash of an API key: keys that were made there are known here by it.
std::string api_key_hash(std::string_view key);

// Lives on the executor's thread, where all callbacks come, after what they tell of is durable.
class Access {
 public:
  using Done = std::function<void(Result<Value>)>;

  Access(Executor& executor, const Clock& clock, store::Store& store, Random& random, AccessOptions options = {});

  // kUnauthorized with StackStorm's words.
  Result<Identity> check_token(std::string_view token) const;
  Result<Identity> check_api_key(std::string_view key) const;

  // A new token for a user, as the API shows it: {user, token, expiry, metadata, service, id}. `ttl_s` 0: the longest.
  void make_token(const std::string& user, int64_t ttl_s, const Value& metadata, const Done& done);

  // API keys are stored as {uid, user, key_hash, metadata, created_at, enabled, id}.
  // `given` as the API takes it; with a key_hash (of a key that exists elsewhere) no key is made. Gives the stored
  // document, with the new key as "key": it is shown this once.
  void make_api_key(const Value& given, const std::string& user, const Done& done);
  // By id, or by the key itself. Null when there is none.
  Result<Value> find_api_key(std::string_view id_or_key) const;
  void put_api_key(const Value& document, const Done& done);
  void remove_api_key(const std::string& id, const Done& done);

  // Tokens that the actions of running executions are given. They are not stored: the execution's id, signed.
  std::string execution_token(const std::string& execution_id) const;
  // The id of the execution that a token was given to; empty when it is no such token.
  std::string execution_of(std::string_view token) const;

  const AccessOptions& options() const { return options_; }

 private:
  void write(store::Store::WriteFunction function, const Value& answer, const Done& done);

  Executor& executor_;
  const Clock& clock_;
  store::Store& store_;
  Random& random_;
  AccessOptions options_;
  std::string signing_key_;  // dies with the process, as the executions' processes do
};

}  // namespace squall::auth
