// PasswordStore: where the password of a resource is kept, in two places: `current` is what readers find, `pending` is
// the next one until RDS has taken it (docs/reference/database.md, "Passwords").
#pragma once

#include <memory>
#include <string>

#include "runners/database/services.hpp"

namespace squall::runners::database {

struct Kept {
  Value data;           // as credentials_of() makes it, with `uid`, `rotation`, `salt`; null: there is none
  int64_t version = 0;  // of what was read; 0: never written
  Value metadata;       // what the store knows besides; null when it keeps nothing
};

// Blocking; made for one call.
class PasswordStore {
 public:
  virtual ~PasswordStore() = default;

  virtual Result<Kept> current() = 0;
  virtual Result<Kept> pending() = 0;
  // `before` is what was read: a write in between is an error, not lost.
  virtual Status stage(const Value& data, const Kept& before) = 0;
  // The version that readers find now.
  virtual Result<int64_t> publish(const Value& data, const Kept& before) = 0;
  // Says beside the current one whose it is; null members are removed.
  virtual Status annotate(const Value& metadata) = 0;
  virtual Status drop_pending() = 0;
  // `recoverable`: as far as the store can keep what was deleted, under `metadata`.
  virtual Status forget(bool recoverable, const Value& metadata) = 0;

  // For messages: "the secret secret/databases/...".
  virtual std::string name() const = 0;
  // A handle of the password, for people; empty when there is no such form.
  virtual std::string reference(bool is_pending) const = 0;
};

// The store that the plan says: KV in Vault, or a Secret of Kubernetes.
Result<std::unique_ptr<PasswordStore>> password_store(const NativeCall& call, Services& services, const Value& plan);

// Kept of somebody else's resource is left alone (NameTaken), unless the plan adopts.
Status check_owner(const PasswordStore& store, const Kept& kept, const Value& plan);

// Which password this is; see names.hpp.
std::string fingerprint_of(const Value& plan, const Value& data);

// The password that RDS has or is to get, by its fingerprint, whether it is published yet or not; masked in logs from
// here on. PasswordLost when it is nowhere.
Result<std::string> password_by_fingerprint(PasswordStore& store, const Value& plan, const std::string& wanted);

}  // namespace squall::runners::database
