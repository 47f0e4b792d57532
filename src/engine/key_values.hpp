// st2kv: the datastore as templates see it (stackstorm-features.md M-6, expressions.md section 4).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "crypto/symmetric.hpp"
#include "expr/host_function.hpp"
#include "store/store.hpp"
#include "value/value.hpp"

namespace squall::engine {

// {"system": lazy, "user": lazy}: attribute and item access build up the key, the look-up happens when the value is
// used, and a missing key is an empty text. Holds a reference to the store.
Value make_st2kv(store::Store& store, const std::string& user);

// The key of encrypted values (M-4). With `make` a missing file is written, readable to nobody else.
Result<crypto::SymmetricKey> open_datastore_key(const std::string& file, bool make);

// The filter decrypt_kv: a look-up or a text, decrypted. A look-up that finds nothing is an error that names it.
Result<Value> decrypt_kv(const crypto::SymmetricKey& key, const Value& input);
// st2kv() for expressions of workflows: st2kv(key, decrypt=false, default). The key is "system.name", "user.name" or,
// of the user, "name". A missing key is an error unless there is a default (orquesta.md section 10). `key` decrypts;
// null: there is none. Holds references to both.
std::vector<std::shared_ptr<const expr::HostFunction>> workflow_functions(store::Store& store, const std::string& user,
                                                                          const crypto::SymmetricKey* key);

}  // namespace squall::engine
