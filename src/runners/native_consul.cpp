#include "runners/native_consul.hpp"

#include "base/strings.hpp"
#include "runners/native_consul_common.hpp"
#include "runners/native_patience.hpp"
#include "value/json.hpp"

namespace squall::runners {
namespace consul {

Result<clients::ConsulClient> client_of(const NativeCall& call) {
  SQ_TRY(clients::ConsulSettings settings,
         clients::ConsulSettings::read(call.request.config, call.parameters, call.services.environment));
  return clients::ConsulClient(call.services.http, std::move(settings));
}

Error bad_parameter(const std::string& text) { return Error(ErrorCode::kInvalid, text).with_type("InvalidParameter"); }

Result<std::string> text_of(const NativeCall& call, const char* name) {
  std::string text(trim(call.parameters[name].string_or("")));
  if (text.empty()) return fail(bad_parameter(std::string("`") + name + "` is empty"));
  return text;
}

Result<std::string> key_of(const NativeCall& call, const char* name) {
  std::string key = call.parameters[name].string();
  while (key.starts_with("/")) key.erase(0, 1);
  if (key.empty()) return fail(bad_parameter(std::string("`") + name + "` is empty"));
  return key;
}

Result<std::string> tree_of(const NativeCall& call) {
  SQ_TRY(std::string prefix, key_of(call, "prefix"));
  while (prefix.ends_with("/")) prefix.pop_back();
  if (prefix.empty()) return fail(bad_parameter("`prefix` is empty: that would be the whole store"));
  return prefix + "/";
}

std::string value_text(const Value& value) {
  return value.is_string() ? value.string() : value.is_null() ? std::string() : to_json(value);
}

}  // namespace consul

void add_consul_actions(NativeRegistry& registry) {
  const auto add = [&](const char* name, NativeFunction run) {
    registry.add({std::string("consul.") + name, true, false, patient(std::move(run))});
  };
  add("kv_get", consul::kv_get);
  add("kv_list", consul::kv_list);
  add("kv_put", consul::kv_put);
  add("kv_cas", consul::kv_cas);
  add("kv_delete", consul::kv_delete);
  add("kv_delete_tree", consul::kv_delete_tree);
  add("kv_put_tree", consul::kv_put_tree);
  add("kv_wait", consul::kv_wait);
  add("session_renew", consul::session_renew);
  add("session_destroy", consul::session_destroy);
  add("kv_acquire", consul::kv_acquire);
  add("kv_release", consul::kv_release);
  add("catalog_register", consul::catalog_register);
  add("catalog_deregister", consul::catalog_deregister);
  add("catalog_check", consul::catalog_check);
  add("health_service", consul::health_service);
  add("agent_service_register", consul::agent_service_register);
  add("agent_service_deregister", consul::agent_service_deregister);
  add("agent_check_update", consul::agent_check_update);
  // These two do not look before they act. They are patient only before the act itself.
  registry.add({"consul.txn", false, false, patient(consul::transaction)});
  registry.add({"consul.session_create", false, false, patient(consul::session_create)});
}

}  // namespace squall::runners
