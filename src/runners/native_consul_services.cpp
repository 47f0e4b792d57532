// consul.catalog_*, health_service, agent_*: who can be found where, and how it is.
#include <algorithm>

#include "base/strings.hpp"
#include "runners/native_consul_common.hpp"

namespace squall::runners::consul {
namespace {

using clients::ConsulClient;

// Templates make texts of numbers; Consul wants a number.
Status set_port(Value& service) {
  const Value& port = service["Port"];
  if (port.is_null() || port.is_int()) return {};
  const auto number = parse_int(value_text(port));
  if (!number || *number < 0 || *number > 65535)
    return fail(bad_parameter("the service's Port \"" + value_text(port) + "\" is no port number"));
  service.set("Port", *number);
  return {};
}

Status check_status(const std::string& status) {
  if (status == "passing" || status == "warning" || status == "critical") return {};
  return fail(bad_parameter("`status` must be passing, warning or critical"));
}

// One instance, the worst of its checks first.
Value instance(const Value& entry) {
  std::string worst = "passing";
  Value checks = Value::empty_list();
  for (const Value& check : entry["Checks"].is_list() ? entry["Checks"].as_list() : List()) {
    const std::string status = check["Status"].string();
    if (status == "critical" || (status == "warning" && worst == "passing")) worst = status;
    checks.push_back(Value::dict({{"check_id", check["CheckID"]},
                                  {"name", check["Name"]},
                                  {"status", check["Status"]},
                                  {"output", check["Output"]}}));
  }
  const Value& service = entry["Service"];
  return Value::dict({{"node", entry["Node"]["Node"]},
                      {"service_id", service["ID"]},
                      {"address", service["Address"].empty() ? entry["Node"]["Address"] : service["Address"]},
                      {"port", service["Port"]},
                      {"tags", service["Tags"]},
                      {"meta", service["Meta"]},
                      {"status", worst},
                      {"checks", checks}});
}

}  // namespace

Result<NativeAnswer> catalog_register(const NativeCall& call) {
  Value registration = Value::dict({{"Node", call.parameters["node"]},
                                    {"Address", call.parameters["address"]},
                                    {"SkipNodeUpdate", call.parameters["skip_node_update"].bool_or(false)}});
  if (call.parameters["node_meta"].is_dict()) registration.set("NodeMeta", call.parameters["node_meta"]);
  if (call.parameters["service"].is_dict()) {
    Value service = call.parameters["service"];
    SQ_CHECK(set_port(service));
    registration.set("Service", service);
  }
  if (call.parameters["check"].is_dict()) registration.set("Check", call.parameters["check"]);
  if (call.parameters["checks"].is_list()) registration.set("Checks", call.parameters["checks"]);
  SQ_TRY(ConsulClient consul, client_of(call));
  SQ_CHECK(consul.register_catalog(registration, call.stop));
  return NativeAnswer::succeeded(
      Value::dict({{"node", call.parameters["node"]}, {"service", call.parameters["service"]["Service"]}}));
}

Result<NativeAnswer> catalog_deregister(const NativeCall& call) {
  Value deregistration = Value::dict({{"Node", call.parameters["node"]}});
  if (call.parameters["service_id"].truthy()) deregistration.set("ServiceID", call.parameters["service_id"]);
  if (call.parameters["check_id"].truthy()) deregistration.set("CheckID", call.parameters["check_id"]);
  SQ_TRY(ConsulClient consul, client_of(call));
  SQ_CHECK(consul.deregister_catalog(deregistration, call.stop));
  return NativeAnswer::succeeded(Value::dict({{"node", call.parameters["node"]}}));
}

// Consul runs no checks of catalog entries: whoever registered them says how they are.
Result<NativeAnswer> catalog_check(const NativeCall& call) {
  SQ_TRY(const std::string node, text_of(call, "node"));
  SQ_TRY(const std::string id, text_of(call, "check_id"));
  const std::string status(call.parameters["status"].string_or("passing"));
  SQ_CHECK(check_status(status));
  Value check = Value::dict({{"CheckID", id},
                             {"Name", call.parameters["name"].truthy() ? call.parameters["name"] : Value(id)},
                             {"Status", status},
                             {"Output", call.parameters["output"].string()}});
  if (call.parameters["service_id"].truthy()) check.set("ServiceID", call.parameters["service_id"]);
  SQ_TRY(ConsulClient consul, client_of(call));
  SQ_CHECK(
      consul.register_catalog(Value::dict({{"Node", node}, {"SkipNodeUpdate", true}, {"Check", check}}), call.stop));
  return NativeAnswer::succeeded(Value::dict({{"node", node}, {"check_id", id}, {"status", status}}));
}

Result<NativeAnswer> health_service(const NativeCall& call) {
  SQ_TRY(const std::string service, text_of(call, "service"));
  SQ_TRY(ConsulClient consul, client_of(call));
  SQ_TRY(const Value entries, consul.health_of(service, call.parameters["tag"].string(),
                                               call.parameters["passing_only"].bool_or(false), call.stop));
  Value instances = Value::empty_list();
  for (const Value& entry : entries.is_list() ? entries.as_list() : List()) instances.push_back(instance(entry));
  const auto& list = instances.as_list();
  const auto passing = std::count_if(list.begin(), list.end(),
                                     [](const Value& each) { return each["status"].string_or("") == "passing"; });
  const size_t count = instances.size();
  return NativeAnswer::succeeded(Value::dict({{"service", service},
                                              {"count", count},
                                              {"passing", static_cast<int64_t>(passing)},
                                              {"instances", std::move(instances)}}));
}

Result<NativeAnswer> agent_service_register(const NativeCall& call) {
  SQ_TRY(const std::string name, text_of(call, "name"));
  Value service = Value::dict({{"Name", name}});
  const std::pair<const char*, const char*> fields[] = {
      {"service_id", "ID"}, {"address", "Address"}, {"port", "Port"},    {"tags", "Tags"},
      {"meta", "Meta"},     {"check", "Check"},     {"checks", "Checks"}};
  for (const auto& [parameter, field] : fields) {
    const Value& value = call.parameters[parameter];
    if (!value.is_null() && value != Value("")) service.set(field, value);
  }
  SQ_CHECK(set_port(service));
  SQ_TRY(ConsulClient consul, client_of(call));
  SQ_CHECK(consul.register_service(service, call.stop));
  return NativeAnswer::succeeded(
      Value::dict({{"name", name}, {"service_id", service["ID"].empty() ? Value(name) : service["ID"]}}));
}

Result<NativeAnswer> agent_service_deregister(const NativeCall& call) {
  SQ_TRY(const std::string id, text_of(call, "service_id"));
  SQ_TRY(ConsulClient consul, client_of(call));
  SQ_TRY(const bool deregistered, consul.deregister_service(id, call.stop));
  return NativeAnswer::succeeded(Value::dict({{"service_id", id}, {"deregistered", deregistered}}));
}

Result<NativeAnswer> agent_check_update(const NativeCall& call) {
  SQ_TRY(const std::string id, text_of(call, "check_id"));
  const std::string status(call.parameters["status"].string_or("passing"));
  SQ_CHECK(check_status(status));
  SQ_TRY(ConsulClient consul, client_of(call));
  SQ_CHECK(consul.update_check(id, status, call.parameters["output"].string(), call.stop));
  return NativeAnswer::succeeded(Value::dict({{"check_id", id}, {"status", status}}));
}

}  // namespace squall::runners::consul
