// Native actions of the pack `consul`.
#pragma once

#include "runners/native.hpp"

namespace squall::runners {

// consul.kv_get, kv_put, kv_cas, kv_delete, kv_delete_tree, kv_put_tree, txn, catalog_register, catalog_deregister.
void add_consul_actions(NativeRegistry& registry);

}  // namespace squall::runners
