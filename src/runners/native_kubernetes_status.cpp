// Status and Events of the pack `kubernetes`.
#include "base/strings.hpp"
#include "runners/native_kubernetes.hpp"
#include "runners/native_kubernetes_target.hpp"

namespace squall::runners {
namespace {

using kubernetes::KubernetesClients;
using kubernetes::PatchType;

constexpr int kConflictTriesMax = 10;
constexpr size_t kNoteBytesMax = 1024;  // of an Event's note
constexpr size_t kConditionMessageMax = 32768;

// Does `status` already say all of `wanted`?
bool says(const Value& status, const Value& wanted) {
  if (!wanted.is_dict()) return status == wanted;
  for (const auto& [key, value] : wanted.as_dict()) {
    if (!says(status[key], value)) return false;
  }
  return true;
}

// Templates make texts of everything; a schema with `type: integer` would refuse them.
Value with_numbers(const Value& value, std::string_view key) {
  if (value.is_dict()) {
    Value out = Value::empty_dict();
    for (const auto& [name, member] : value.as_dict()) out.set(name, with_numbers(member, name));
    return out;
  }
  const auto number = value.is_string() && key == "port" ? parse_int(value.as_string()) : std::nullopt;
  return number ? Value(*number) : value;
}

// A merge patch held to the version that was read. Nothing is written when nothing would change.
Result<NativeAnswer> patch_status(const NativeCall& call, KubernetesClients& clients) {
  SQ_TRY(const KubernetesCall target, kubernetes_call(call, clients, Value(), true));
  for (int attempt = 0; attempt < kConflictTriesMax; ++attempt) {
    SQ_TRY(const Value object, target.client->get(target.resource, target.name, call.stop));
    Value status =
        with_numbers(call.parameters["status"].is_dict() ? call.parameters["status"] : Value::empty_dict(), "");
    Value generation = call.parameters["observed_generation"];
    if (generation.is_int()) status.set("observedGeneration", generation);
    if (generation.is_null()) generation = object["metadata"]["generation"];
    if (!call.parameters["conditions"].empty()) {
      status.set("conditions",
                 merge_conditions(object["status"]["conditions"], call.parameters["conditions"], generation,
                                  format_timestamp(call.services.clock.now()).substr(0, 19) + "Z"));
    }
    if (says(object["status"], status)) return NativeAnswer::succeeded(Value::dict({{"changed", false}}));
    const Value patch = Value::dict(
        {{"metadata", Value::dict({{"resourceVersion", object["metadata"]["resourceVersion"]}})}, {"status", status}});
    kubernetes::WriteOptions options;
    options.subresource = "status";
    auto patched = target.client->patch(target.resource, target.name, PatchType::kMerge, patch, options, call.stop);
    if (patched) return NativeAnswer::succeeded(Value::dict({{"changed", true}}));
    if (patched.error().http_status() != 409) return fail(patched.error());
  }
  return fail(Error(ErrorCode::kConflict, target.display() + " keeps changing while squall writes its status")
                  .with_type("Conflict"));
}

std::string cut(std::string text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  text.resize(bytes_max - 3);
  while (!text.empty() && !is_valid_utf8(text)) text.pop_back();
  return text + "...";
}

Value event_body(const KubernetesCall& target, const std::string& instance) {
  const Value& parameters = target.call.parameters;
  const std::string space = target.resource.namespace_name.empty() ? "default" : target.resource.namespace_name;
  return Value::dict({{"apiVersion", "events.k8s.io/v1"},
                      {"kind", "Event"},
                      // generateName may not end with a dot (422), so the name is made here.
                      {"metadata", Value::dict({{"name", target.name + "." + target.call.services.random.hex(16)},
                                                {"namespace", space}})},
                      {"eventTime", format_timestamp(target.call.services.clock.now())},
                      {"type", parameters["type"].is_string() ? parameters["type"] : Value("Normal")},
                      {"reason", cut(parameters["reason"].string(), 128)},
                      {"action", cut(std::string(parameters["action"].string_or("Reconcile")), 128)},
                      {"note", cut(parameters["note"].string(), kNoteBytesMax)},
                      {"reportingController", "squall.dev/squall"},
                      {"reportingInstance", cut(instance, 128)},
                      {"regarding", Value::dict({{"apiVersion", target.resource.api_version()},
                                                 {"kind", target.kind},
                                                 {"namespace", target.resource.namespace_name},
                                                 {"name", target.name},
                                                 {"uid", parameters["uid"]}})}});
}

Result<Value> write_event(const NativeCall& call, KubernetesClients& clients) {
  SQ_TRY(const KubernetesCall target, kubernetes_call(call, clients, Value(), true));
  const Value body = event_body(target, "squall-" + call.request.execution_id);
  const kubernetes::ResourceId events{"events.k8s.io", "v1", "events", body["metadata"]["namespace"].string()};
  SQ_TRY(const Value created, target.client->create(events, body, {}, call.stop));
  return Value::dict({{"created", true}, {"name", created["metadata"]["name"]}});
}

// An Event is a courtesy: by default its failure does not fail the chain.
Result<NativeAnswer> create_event(const NativeCall& call, KubernetesClients& clients) {
  auto written = write_event(call, clients);
  if (written) return NativeAnswer::succeeded(std::move(*written));
  if (!call.parameters["best_effort"].bool_or(true)) return fail(written.error());
  return NativeAnswer::succeeded(Value::dict({{"created", false}, {"warning", written.error().to_string()}}));
}

}  // namespace

Value merge_conditions(const Value& conditions, const Value& changes, const Value& observed_generation,
                       const std::string& now) {
  Value merged = conditions.is_list() ? conditions : Value::empty_list();
  for (const Value& change : changes.is_list() ? changes.as_list() : List()) {
    Value condition = change;
    condition.set("message", cut(change["message"].string(), kConditionMessageMax));
    if (observed_generation.is_int()) condition.set("observedGeneration", observed_generation);
    condition.set("lastTransitionTime", now);
    bool found = false;
    for (size_t i = 0; i < merged.size() && !found; ++i) {
      if (merged[i]["type"] != change["type"]) continue;
      found = true;
      if (merged[i]["status"] == change["status"]) condition.set("lastTransitionTime", merged[i]["lastTransitionTime"]);
      merged.mut_list()[i] = condition;
    }
    if (!found) merged.push_back(condition);
  }
  return merged;
}

void add_kubernetes_status_actions(NativeRegistry& registry, KubernetesClients& clients) {
  registry.add({"kubernetes.patch_status", true, false,
                [&clients](const NativeCall& call) { return patch_status(call, clients); }});
  // Made twice at worst, when squall dies between the request and its record.
  registry.add({"kubernetes.create_event", true, false,
                [&clients](const NativeCall& call) { return create_event(call, clients); }});
}

}  // namespace squall::runners
