// What the files of the consul actions share.
#pragma once

#include "clients/consul/consul_client.hpp"
#include "runners/native.hpp"

namespace squall::runners::consul {

Result<clients::ConsulClient> client_of(const NativeCall& call);
Error bad_parameter(const std::string& text);
// A required text without blanks at its ends.
Result<std::string> text_of(const NativeCall& call, const char* name);
// A key without the slash at its start that Consul does not know.
Result<std::string> key_of(const NativeCall& call, const char* name);
// A tree ends with a slash: "shop/orders" alone would take "shop/orders-old" with it.
Result<std::string> tree_of(const NativeCall& call);
// A text as it is, null as nothing, anything else as JSON.
std::string value_text(const Value& value);

Result<NativeAnswer> kv_get(const NativeCall& call);
Result<NativeAnswer> kv_list(const NativeCall& call);
Result<NativeAnswer> kv_put(const NativeCall& call);
Result<NativeAnswer> kv_cas(const NativeCall& call);
Result<NativeAnswer> kv_delete(const NativeCall& call);
Result<NativeAnswer> kv_delete_tree(const NativeCall& call);
Result<NativeAnswer> kv_put_tree(const NativeCall& call);
Result<NativeAnswer> kv_wait(const NativeCall& call);
Result<NativeAnswer> transaction(const NativeCall& call);

Result<NativeAnswer> session_create(const NativeCall& call);
Result<NativeAnswer> session_renew(const NativeCall& call);
Result<NativeAnswer> session_destroy(const NativeCall& call);
Result<NativeAnswer> kv_acquire(const NativeCall& call);
Result<NativeAnswer> kv_release(const NativeCall& call);

Result<NativeAnswer> catalog_register(const NativeCall& call);
Result<NativeAnswer> catalog_deregister(const NativeCall& call);
Result<NativeAnswer> catalog_check(const NativeCall& call);
Result<NativeAnswer> health_service(const NativeCall& call);
Result<NativeAnswer> agent_service_register(const NativeCall& call);
Result<NativeAnswer> agent_service_deregister(const NativeCall& call);
Result<NativeAnswer> agent_check_update(const NativeCall& call);

}  // namespace squall::runners::consul
