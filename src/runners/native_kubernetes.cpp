#include "runners/native_kubernetes.hpp"

#include "clients/kubernetes/secrets.hpp"
#include "runners/native_kubernetes_target.hpp"
#include "text/jsonpath.hpp"
#include "value/python.hpp"

namespace squall::runners {
namespace {

using kubernetes::KubernetesClients;

constexpr int64_t kListMax = 500;  // objects in one result
constexpr Duration kPollInterval = std::chrono::seconds(2);

// What a record may show of an object: no managed fields, no values of Secrets.
Value shown(Value object) {
  kubernetes::drop_managed_fields(object);
  kubernetes::mask_secret(object);
  return object;
}

Result<NativeAnswer> get(const NativeCall& call, KubernetesClients& clients) {
  SQ_TRY(const KubernetesCall target, kubernetes_call(call, clients, Value(), true));
  SQ_TRY(Value object, target.client->get(target.resource, target.name, call.stop));
  return NativeAnswer::succeeded(Value::dict({{"object", shown(std::move(object))}}));
}

Result<NativeAnswer> list(const NativeCall& call, KubernetesClients& clients) {
  SQ_TRY(const KubernetesCall target, kubernetes_call(call, clients, Value(), false));
  kubernetes::ListOptions options;
  options.label_selector = call.parameters["label_selector"].string();
  options.field_selector = call.parameters["field_selector"].string();
  options.limit = std::min(kListMax, std::max<int64_t>(1, call.parameters["limit"].int_or(kListMax)));
  SQ_TRY(kubernetes::ListPage page, target.client->list(target.resource, options, call.stop));
  Value items = Value::empty_list();
  for (Value& item : page.items) items.push_back(shown(std::move(item)));
  return NativeAnswer::succeeded(
      Value::dict({{"items", items}, {"count", items.size()}, {"truncated", !page.continue_token.empty()}}));
}

bool condition_holds(const Value& object, const std::string& type, const std::string& status) {
  for (const Value& condition :
       object["status"]["conditions"].is_list() ? object["status"]["conditions"].as_list() : List()) {
    if (condition["type"].string_or("") == type) return condition["status"].string_or("") == status;
  }
  return false;
}

// Is what the caller waits for there? `object` is null when it does not exist.
Result<bool> holds(const NativeCall& call, const Value& object) {
  const Value& parameters = call.parameters;
  if (parameters["absent"].bool_or(false)) return object.is_null();
  if (object.is_null()) return false;
  if (parameters["condition"].is_string()) {
    const std::string wanted = parameters["condition"].string();
    const size_t equals = wanted.find('=');
    return condition_holds(object, wanted.substr(0, equals),
                           equals == std::string::npos ? "True" : wanted.substr(equals + 1));
  }
  if (parameters["jsonpath"].is_string()) {
    SQ_TRY(const JsonPath path, JsonPath::parse(parameters["jsonpath"].as_string()));
    SQ_TRY(const std::vector<JsonPathMatch> matches, path.find(object));
    if (parameters["value"].is_null()) return !matches.empty();
    for (const JsonPathMatch& match : matches) {
      if (python::str(match.value) == python::str(parameters["value"])) return true;
    }
    return false;
  }
  return true;  // it exists
}

// Holds no thread while it waits, and goes on after a restart: the deadline is part of the kept state.
Result<NativeAnswer> wait_for(const NativeCall& call, KubernetesClients& clients) {
  SQ_TRY(const KubernetesCall target, kubernetes_call(call, clients, Value(), true));
  auto object = target.client->get(target.resource, target.name, call.stop);
  if (!object && !is_reason(object.error(), "NotFound")) return fail(object.error());
  SQ_TRY(const bool done, holds(call, object ? *object : Value()));
  if (done) return NativeAnswer::succeeded(Value::dict({{"object", object ? shown(*object) : Value()}}));
  const Timestamp now = call.services.clock.now();
  const auto kept = parse_timestamp(call.state["deadline"].string_or(""));
  const Timestamp deadline = kept ? *kept : now + std::chrono::seconds(call.parameters["timeout"].int_or(600));
  if (now >= deadline) {
    return fail(Error(ErrorCode::kTimeout, "what was waited for on " + target.display() + " did not come within " +
                                               std::to_string(call.parameters["timeout"].int_or(600)) + " s")
                    .with_type("TimedOut"));
  }
  return NativeAnswer::wait_for(kPollInterval, Value::dict({{"deadline", format_timestamp(deadline)}}));
}

}  // namespace

std::string KubernetesCall::display() const {
  const std::string place = resource.namespace_name.empty() ? name : resource.namespace_name + "/" + name;
  return resource.display() + (place.empty() ? "" : " " + place);
}

bool is_reason(const Error& error, std::string_view reason) { return error.type() == reason; }

Result<KubernetesCall> kubernetes_call(const NativeCall& call, KubernetesClients& clients, const Value& object,
                                       bool need_name) {
  const Value& parameters = call.parameters;
  const auto pick = [&](const char* name, const Value& fallback) {
    const std::string given = parameters[name].string();
    return given.empty() ? fallback.string() : given;
  };
  const Value& config = call.request.config;
  SQ_TRY(const auto client, clients.get(pick("kubeconfig", config["kubeconfig"]), pick("context", config["context"])));
  const std::string api_version = pick("api_version", object["apiVersion"]);
  const std::string kind = pick("kind", object["kind"]);
  const std::string type = kind.empty() ? parameters["resource"].string() : kind;
  if (api_version.empty() || type.empty()) {
    return fail(Error(ErrorCode::kInvalid,
                      "`api_version` and `kind` (or `resource`) say what it is about; one of them is missing")
                    .with_type("InvalidParameter"));
  }
  SQ_TRY(const kubernetes::ResourceInfo info, client->resolve(api_version, type, call.stop));
  KubernetesCall target{call, client, info.id, info.kind, pick("name", object["metadata"]["name"])};
  if (info.namespaced) target.resource.namespace_name = pick("namespace", object["metadata"]["namespace"]);
  if (info.namespaced && need_name && target.resource.namespace_name.empty())
    target.resource.namespace_name = "default";
  if (need_name && target.name.empty())
    return fail(Error(ErrorCode::kInvalid, "`name` is missing").with_type("InvalidParameter"));
  return target;
}

void add_kubernetes_actions(NativeRegistry& registry, KubernetesClients& clients) {
  const auto add = [&](const char* name, Result<NativeAnswer> (*run)(const NativeCall&, KubernetesClients&)) {
    registry.add({name, true, false, [run, &clients](const NativeCall& call) { return run(call, clients); }});
  };
  add("kubernetes.get", get);
  add("kubernetes.list", list);
  add("kubernetes.wait_for", wait_for);
  add_kubernetes_write_actions(registry, clients);
  add_kubernetes_status_actions(registry, clients);
}

}  // namespace squall::runners
