#include "runners/native_consul.hpp"

#include "base/strings.hpp"
#include "clients/consul/consul_client.hpp"
#include "value/json.hpp"

namespace squall::runners {
namespace {

using clients::ConsulClient;
using clients::ConsulEntry;
using clients::ConsulSettings;

ConsulClient client_of(const NativeCall& call) {
  return ConsulClient(call.services.http, ConsulSettings::read(call.request.config, call.services.environment));
}

Error bad_parameter(const std::string& text) { return Error(ErrorCode::kInvalid, text).with_type("InvalidParameter"); }

// A key without the slash at its start that Consul does not know.
Result<std::string> key_of(const NativeCall& call, const char* name) {
  std::string key = call.parameters[name].string();
  while (key.starts_with("/")) key.erase(0, 1);
  if (key.empty()) return fail(bad_parameter(std::string("`") + name + "` is empty"));
  return key;
}

// A tree ends with a slash: "shop/orders" alone would take "shop/orders-old" with it.
Result<std::string> tree_of(const NativeCall& call) {
  SQ_TRY(std::string prefix, key_of(call, "prefix"));
  while (prefix.ends_with("/")) prefix.pop_back();
  if (prefix.empty()) return fail(bad_parameter("`prefix` is empty: that would be the whole store"));
  return prefix + "/";
}

std::string text_of(const Value& value) {
  return value.is_string() ? value.string() : value.is_null() ? std::string() : to_json(value);
}

// What is under `prefix` must be this owner's, or nobody's. An empty owner is not checked.
Status check_owner(ConsulClient& consul, const std::string& prefix, const std::string& owner, StopToken stop) {
  if (owner.empty()) return {};
  SQ_TRY(const std::optional<ConsulEntry> uid, consul.get(prefix + "uid", stop));
  if (!uid || uid->value == owner) return {};
  return fail(Error(ErrorCode::kConflict, "the Consul keys under " + prefix + " belong to another resource (uid " +
                                              uid->value + "); they are left alone")
                  .with_type("NameTaken"));
}

Result<NativeAnswer> kv_get(const NativeCall& call) {
  SQ_TRY(const std::string key, key_of(call, "key"));
  ConsulClient consul = client_of(call);
  SQ_TRY(const std::optional<ConsulEntry> entry, consul.get(key, call.stop));
  if (!entry) return NativeAnswer::succeeded(Value::dict({{"key", key}, {"found", false}}));
  return NativeAnswer::succeeded(
      Value::dict({{"key", key}, {"found", true}, {"value", entry->value}, {"modify_index", entry->modify_index}}));
}

Result<NativeAnswer> kv_put(const NativeCall& call) {
  SQ_TRY(const std::string key, key_of(call, "key"));
  ConsulClient consul = client_of(call);
  SQ_TRY(const bool written, consul.put(key, text_of(call.parameters["value"]), std::nullopt, call.stop));
  if (!written)
    return fail(Error(ErrorCode::kConflict, "Consul did not write " + key + ": it is locked").with_type("Locked"));
  return NativeAnswer::succeeded(Value::dict({{"key", key}, {"written", true}}));
}

Result<NativeAnswer> kv_cas(const NativeCall& call) {
  SQ_TRY(const std::string key, key_of(call, "key"));
  if (!call.parameters["cas"].is_int())
    return fail(bad_parameter("`cas` must be a ModifyIndex, or 0 for a key that must not exist"));
  ConsulClient consul = client_of(call);
  const std::string value = text_of(call.parameters["value"]);
  SQ_TRY(const bool written, consul.put(key, value, call.parameters["cas"].as_int(), call.stop));
  if (!written) {
    // A run before this one may have written it just before squall ended.
    SQ_TRY(const std::optional<ConsulEntry> now, consul.get(key, call.stop));
    if (!now || now->value != value) {
      return fail(
          Error(ErrorCode::kConflict, "the key " + key + " has changed meanwhile").with_type("CheckAndSetMismatch"));
    }
  }
  return NativeAnswer::succeeded(Value::dict({{"key", key}, {"written", written}}));
}

Result<NativeAnswer> kv_delete(const NativeCall& call) {
  SQ_TRY(const std::string key, key_of(call, "key"));
  ConsulClient consul = client_of(call);
  std::optional<int64_t> cas;
  if (call.parameters["cas"].is_int()) cas = call.parameters["cas"].as_int();
  if (cas && *cas <= 0)
    return fail(bad_parameter("`cas` of a deletion must be a ModifyIndex above 0; with 0 Consul does nothing"));
  SQ_TRY(const bool deleted, consul.remove(key, cas, call.stop));
  if (!deleted)
    return fail(
        Error(ErrorCode::kConflict, "the key " + key + " has changed meanwhile").with_type("CheckAndSetMismatch"));
  return NativeAnswer::succeeded(Value::dict({{"key", key}, {"deleted", true}}));
}

Result<NativeAnswer> kv_delete_tree(const NativeCall& call) {
  SQ_TRY(const std::string prefix, tree_of(call));
  ConsulClient consul = client_of(call);
  SQ_CHECK(check_owner(consul, prefix, call.parameters["owner_uid"].string(), call.stop));
  SQ_TRY(const std::vector<ConsulEntry> entries, consul.list(prefix, call.stop));
  if (!entries.empty()) SQ_CHECK(consul.remove_tree(prefix, call.stop));
  return NativeAnswer::succeeded(Value::dict({{"prefix", prefix}, {"deleted", entries.size()}}));
}

// All keys in one transaction: a reader sees the old tree or the new one.
Result<NativeAnswer> kv_put_tree(const NativeCall& call) {
  SQ_TRY(const std::string prefix, tree_of(call));
  const Value& values = call.parameters["values"];
  if (values.empty()) return fail(bad_parameter("`values` is empty"));
  ConsulClient consul = client_of(call);
  SQ_CHECK(check_owner(consul, prefix, call.parameters["owner_uid"].string(), call.stop));
  Value operations = Value::empty_list();
  for (const auto& [key, value] : values.as_dict()) {
    operations.push_back(Value::dict(
        {{"KV", Value::dict({{"Verb", "set"}, {"Key", prefix + key}, {"Value", base64_encode(text_of(value))}})}}));
  }
  SQ_TRY([[maybe_unused]] const Value results, consul.transaction(operations, call.stop));
  return NativeAnswer::succeeded(Value::dict({{"prefix", prefix}, {"written", values.size()}}));
}

Result<NativeAnswer> transaction(const NativeCall& call) {
  ConsulClient consul = client_of(call);
  SQ_TRY(const Value results, consul.transaction(call.parameters["operations"], call.stop));
  return NativeAnswer::succeeded(Value::dict({{"results", results}}));
}

Result<NativeAnswer> catalog_register(const NativeCall& call) {
  Value registration = Value::dict(
      {{"Node", call.parameters["node"]}, {"Address", call.parameters["address"]}, {"SkipNodeUpdate", false}});
  if (call.parameters["node_meta"].is_dict()) registration.set("NodeMeta", call.parameters["node_meta"]);
  if (call.parameters["service"].is_dict()) {
    Value service = call.parameters["service"];
    // Templates make texts of numbers; Consul wants a number.
    if (const auto port = parse_int(text_of(service["Port"])); port) service.set("Port", *port);
    registration.set("Service", service);
  }
  if (call.parameters["check"].is_dict()) registration.set("Check", call.parameters["check"]);
  ConsulClient consul = client_of(call);
  SQ_CHECK(consul.register_catalog(registration, call.stop));
  return NativeAnswer::succeeded(
      Value::dict({{"node", call.parameters["node"]}, {"service", call.parameters["service"]["Service"]}}));
}

Result<NativeAnswer> catalog_deregister(const NativeCall& call) {
  Value deregistration = Value::dict({{"Node", call.parameters["node"]}});
  if (call.parameters["service_id"].truthy()) deregistration.set("ServiceID", call.parameters["service_id"]);
  ConsulClient consul = client_of(call);
  SQ_CHECK(consul.deregister_catalog(deregistration, call.stop));
  return NativeAnswer::succeeded(Value::dict({{"node", call.parameters["node"]}}));
}

}  // namespace

void add_consul_actions(NativeRegistry& registry) {
  registry.add({"consul.kv_get", true, false, kv_get});
  registry.add({"consul.kv_put", true, false, kv_put});
  registry.add({"consul.kv_cas", true, false, kv_cas});
  registry.add({"consul.kv_delete", true, false, kv_delete});
  registry.add({"consul.kv_delete_tree", true, false, kv_delete_tree});
  registry.add({"consul.kv_put_tree", true, false, kv_put_tree});
  registry.add({"consul.txn", false, false, transaction});
  registry.add({"consul.catalog_register", true, false, catalog_register});
  registry.add({"consul.catalog_deregister", true, false, catalog_deregister});
}

}  // namespace squall::runners
