// Native actions of the pack `consul`.
#pragma once

#include "runners/native.hpp"

namespace squall::runners {

// Keys: consul.kv_get, kv_list, kv_put, kv_cas, kv_delete, kv_delete_tree, kv_put_tree, kv_wait, txn. Locks:
// session_create, session_renew, session_destroy, kv_acquire, kv_release. Services: catalog_register,
// catalog_deregister, catalog_check, health_service, agent_service_register, agent_service_deregister,
// agent_check_update. All wait while Consul is away or has no leader; see native_patience.hpp.
void add_consul_actions(NativeRegistry& registry);

}  // namespace squall::runners
