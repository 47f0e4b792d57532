// database.publish_endpoint and unpublish_endpoint: where the database is, in Consul's store and catalog.
#include "base/strings.hpp"
#include "runners/database/actions_impl.hpp"
#include "value/json.hpp"

namespace squall::runners::database {
namespace {

using clients::ConsulClient;
using clients::ConsulEntry;

std::string text_of(const Value& value) {
  return value.is_string() ? value.string() : value.is_null() ? std::string() : to_json(value);
}

std::string prefix_of(const Value& plan) { return plan["consul"]["prefix"].string() + "/"; }

Status check_owner(const std::vector<ConsulEntry>& entries, const Value& plan) {
  const std::string prefix = prefix_of(plan);
  for (const ConsulEntry& entry : entries) {
    if (entry.key != prefix + "uid" || entry.value == plan["uid"].string_or("")) continue;
    if (plan["adopt"]["policy"].string_or("Never") != "Never") return {};
    return fail(Error(ErrorCode::kConflict, "the Consul keys under " + prefix + " belong to another resource (uid " +
                                                entry.value + "); they are left alone")
                    .with_type("NameTaken"));
  }
  return {};
}

// All keys in one transaction, so that a reader sees the old tree or the new one. Nothing is written that is right
// already.
Result<bool> write_keys(ConsulClient& consul, const Value& plan, const Value& instance, StopToken stop) {
  const std::string prefix = prefix_of(plan);
  SQ_TRY(const std::vector<ConsulEntry> entries, consul.list(prefix, stop));
  SQ_CHECK(check_owner(entries, plan));
  const bool wanted = plan["consul"]["kv"].bool_or(true);
  if (!wanted) {
    if (!entries.empty()) SQ_CHECK(consul.remove_tree(prefix, stop));
    return !entries.empty();
  }
  std::map<std::string, std::string> there;
  for (const ConsulEntry& entry : entries) there[entry.key] = entry.value;
  Value operations = Value::empty_list();
  const Value keys = consul_keys(plan, instance);
  for (const auto& [name, value] : keys.as_dict()) {
    const auto found = there.find(prefix + name);
    if (found != there.end() && found->second == text_of(value)) continue;
    operations.push_back(Value::dict({{"KV", Value::dict({{"Verb", "set"},
                                                          {"Key", prefix + name},
                                                          {"Value", base64_encode(text_of(value))},
                                                          {"Flags", plan["generation"]}})}}));
  }
  if (operations.empty()) return false;
  SQ_TRY([[maybe_unused]] const Value results, consul.transaction(operations, stop));
  return true;
}

bool is_asked(const Value& plan) { return plan["consul"]["asked"].bool_or(true); }
Result<NativeAnswer> not_asked() { return NativeAnswer::succeeded(Value::dict({{"asked", false}})); }

}  // namespace

Value consul_keys(const Value& plan, const Value& instance) {
  const Value connection = connection_of(plan, instance);
  Value keys = Value::dict({{"uid", plan["uid"]},
                            {"host", connection["host"]},
                            {"port", connection["port"]},
                            {"engine", plan["engine"]},
                            {"version", plan["engine_version"]},
                            {"dbname", connection["dbname"]},
                            {"sslmode", connection["sslmode"]},
                            {"vault_path", credentials_place(plan)},
                            {"generation", text_of(plan["generation"])}});
  if (connection["secret_arn"].truthy()) keys.set("secret_arn", connection["secret_arn"]);
  // All of it in one read, for those who would rather parse than list.
  keys.set("config", to_json(keys));
  return keys;
}

Value consul_registration(const Value& plan, const Value& instance, const std::string& status) {
  const Value& consul = plan["consul"];
  const Value& endpoint = instance["endpoint"];
  const auto port = parse_int(text_of(endpoint["port"]));
  const Value service =
      Value::dict({{"ID", consul["service"]},
                   {"Service", consul["service"]},
                   {"Port", port ? Value(*port) : Value(0)},
                   {"Tags", Value::list({plan["engine"], plan["object"]["namespace"], "primary"})},
                   {"Meta", Value::dict({{"uid", plan["uid"]}, {"vault_path", credentials_place(plan)}})}});
  const Value check = Value::dict({{"Node", consul["node"]},
                                   {"CheckID", "rds-status"},
                                   {"Name", "status of the RDS instance"},
                                   {"Notes", "set by squall whenever it looks at RDS"},
                                   {"Status", status == "available" ? "passing" : "critical"},
                                   {"Output", "the DB instance " + plan["identifier"].string() + " is " + status},
                                   {"ServiceID", consul["service"]}});
  return Value::dict({{"Node", consul["node"]},
                      {"Address", endpoint["address"]},
                      {"SkipNodeUpdate", false},
                      {"NodeMeta", Value::dict({{"external-node", "true"}, {"external-probe", "true"}})},
                      {"Service", service},
                      {"Check", check}});
}

Result<NativeAnswer> publish_endpoint(const NativeCall& call, Services& services) {
  const Value& plan = call.parameters["plan"];
  const Value& instance = call.parameters["instance"];
  if (!is_asked(plan)) return not_asked();
  SQ_TRY(ConsulClient consul, services.consul(call));
  SQ_TRY(const bool written, write_keys(consul, plan, instance, call.stop));
  if (plan["consul"]["register"].bool_or(true)) {
    SQ_CHECK(consul.register_catalog(consul_registration(plan, instance), call.stop));
  } else {
    SQ_CHECK(consul.deregister_catalog(Value::dict({{"Node", plan["consul"]["node"]}}), call.stop));
  }
  return NativeAnswer::succeeded(Value::dict({{"prefix", plan["consul"]["prefix"]},
                                              {"service", plan["consul"]["service"]},
                                              {"node", plan["consul"]["node"]},
                                              {"changed", written}}));
}

Result<NativeAnswer> unpublish_endpoint(const NativeCall& call, Services& services) {
  const Value& plan = call.parameters["plan"];
  if (!is_asked(plan)) return not_asked();
  SQ_TRY(ConsulClient consul, services.consul(call));
  const std::string prefix = prefix_of(plan);
  SQ_CHECK(consul.deregister_catalog(Value::dict({{"Node", plan["consul"]["node"]}}), call.stop));
  SQ_TRY(const std::vector<ConsulEntry> entries, consul.list(prefix, call.stop));
  bool ours = !entries.empty();
  for (const ConsulEntry& entry : entries) {
    if (entry.key == prefix + "uid" && entry.value != plan["uid"].string_or("")) ours = false;
  }
  if (ours) SQ_CHECK(consul.remove_tree(prefix, call.stop));
  return NativeAnswer::succeeded(Value::dict({{"prefix", plan["consul"]["prefix"]},
                                              {"node", plan["consul"]["node"]},
                                              {"deleted", ours ? entries.size() : size_t{0}}}));
}

}  // namespace squall::runners::database
