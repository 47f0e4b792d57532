// What the Kubernetes sensor keeps in the store.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "clients/kubernetes/change_queue.hpp"
#include "store/store.hpp"

namespace squall::sensors {

// kCursors, id `<scope>`: {scope, resource_version, sequence, writer, erasing}.
// kSensorObjects, id `<scope>/<namespace>/<name>`: {scope, hash, announced, whole, object}; `hash` is a text of
// hexadecimal digits (see kubernetes::content_hash()), `object` all of the object if `whole`, else its
// kubernetes::marks_of().
struct KubernetesCursor {
  kubernetes::InformerStorage::Saved saved;
  bool erasing = false;  // erase_kubernetes_scope() has begun: what is left is of no use
};
Result<KubernetesCursor> read_kubernetes_cursor(store::Store& store, const std::string& scope);
Result<std::vector<std::pair<std::string, kubernetes::ObjectCache::Entry>>> read_kubernetes_entries(
    store::Store& store, const std::string& scope, const std::string& after, size_t limit);
Result<Value> read_kubernetes_object(store::Store& store, const std::string& scope, const std::string& key);

// Writes a batch; see kubernetes::check_mark() for when it does not.
Status write_kubernetes_batch(store::WriteTx& transaction, const std::string& scope,
                              const kubernetes::ChangeBatch& batch);

// Scopes that have a state.
Result<std::vector<std::string>> read_kubernetes_scopes(store::Store& store);
// Erases up to `limit` objects of a scope; false when nothing is left. A scope whose erasing has begun must be erased
// to the end before anybody uses it again.
Result<bool> erase_kubernetes_scope(store::WriteTx& transaction, const std::string& scope, size_t limit);

}  // namespace squall::sensors
