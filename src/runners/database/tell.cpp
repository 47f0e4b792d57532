// database.tell: says on the resource what happens to it, and makes an Event of a transition.
#include "base/log.hpp"
#include "base/strings.hpp"
#include "crypto/hash.hpp"
#include "runners/database/actions_impl.hpp"
#include "runners/database/names.hpp"
#include "runners/native_kubernetes.hpp"

namespace squall::runners::database {
namespace {

constexpr int kConflictTriesMax = 10;
constexpr size_t kNoteBytesMax = 1024;  // of an Event's note
constexpr size_t kEventStemMax = 230;   // an Event's name has at most 253 characters
constexpr Duration kRetryFirst = std::chrono::seconds(1);
constexpr Duration kRetryLongest = std::chrono::seconds(60);

// Does `status` already say all of `wanted`? A null is what is to be absent.
bool says(const Value& status, const Value& wanted) {
  if (!wanted.is_dict()) return status == wanted;
  for (const auto& [key, value] : wanted.as_dict()) {
    if (!says(status[key], value)) return false;
  }
  return true;
}

// Would a condition change its status or its reason? That is what people want to hear of.
bool is_transition(const Value& object, const Value& conditions) {
  for (size_t i = 0; i < conditions.size(); ++i) {
    const Value& now = condition_of(object, conditions[i]["type"].string_or(""));
    if (now["status"] != conditions[i]["status"] || now["reason"] != conditions[i]["reason"]) return true;
  }
  return false;
}

std::string cut(std::string text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  text.resize(bytes_max - 3);
  while (!text.empty() && !is_valid_utf8(text)) text.pop_back();
  return text + "...";
}

// The name is the same in every try, so that an Event is made once even if squall ends right after it.
Value event_body(const NativeCall& call, const ObjectTarget& target, const Value& event) {
  const std::string chain = chain_of(call);
  const std::string key = target.uid + "\n" + chain + "\n" + event["reason"].string() + "\n" + event["note"].string();
  return Value::dict({{"apiVersion", "events.k8s.io/v1"},
                      {"kind", "Event"},
                      {"metadata", Value::dict({{"name", shortened(target.name, kEventStemMax) + "." +
                                                             crypto::sha256_hex(key).substr(0, 16)},
                                                {"namespace", target.resource.namespace_name}})},
                      {"eventTime", format_timestamp(call.services.clock.now())},
                      {"type", event["type"].string_or("Normal")},
                      {"reason", cut(event["reason"].string(), 128)},
                      {"action", cut(std::string(event["action"].string_or("Reconcile")), 128)},
                      {"note", cut(event["note"].string() + " (execution " + chain + ")", kNoteBytesMax)},
                      {"reportingController", "squall.dev/squall"},
                      {"reportingInstance", cut("squall-" + chain, 128)},
                      {"regarding", Value::dict({{"apiVersion", target.resource.api_version()},
                                                 {"kind", target.kind},
                                                 {"namespace", target.resource.namespace_name},
                                                 {"name", target.name},
                                                 {"uid", target.uid}})}});
}

// An Event is a courtesy: without the right to write them the work goes on.
void write_event(const NativeCall& call, const ObjectTarget& target, const Value& event) {
  const kubernetes::ResourceId events{"events.k8s.io", "v1", "events", target.resource.namespace_name};
  const auto created = target.client->create(events, event_body(call, target, event), {}, call.stop);
  if (!created && created.error().http_status() != 409)
    log_warning("an Event could not be written", {{"object", target.name}, {"error", created.error().to_string()}});
}

Value status_patch(const NativeCall& call, const Value& object) {
  Value status = call.parameters["status"].is_dict() ? call.parameters["status"] : Value::empty_dict();
  Value execution = status["execution"].is_dict() ? status["execution"] : Value::empty_dict();
  execution.set("id", chain_of(call));
  status.set("execution", execution);
  Value generation = call.parameters["observed_generation"];
  if (generation.is_int() && generation.as_int() > 0) {
    status.set("observedGeneration", generation);
  } else {
    generation = object["metadata"]["generation"];
  }
  if (!call.parameters["conditions"].empty()) {
    status.set("conditions", merge_conditions(object["status"]["conditions"], call.parameters["conditions"], generation,
                                              kubernetes_time(call.services.clock.now())));
  }
  return status;
}

}  // namespace

Result<NativeAnswer> tell_now(const NativeCall& call, Services& services) {
  SQ_TRY(const ObjectTarget target, target_of(services, call, call.parameters["object"]));
  const auto gone = [] { return NativeAnswer::succeeded(Value::dict({{"changed", false}, {"gone", true}})); };
  for (int attempt = 0; attempt < kConflictTriesMax; ++attempt) {
    auto object = target.client->get(target.resource, target.name, call.stop);
    if (!object && object.error().http_status() == 404) return gone();
    if (!object) return fail(object.error());
    if ((*object)["metadata"]["uid"].string_or("") != target.uid) return gone();
    const Value status = status_patch(call, *object);
    const Value& event = call.parameters["event"];
    // The Event goes first: after a crash between the two it is found made, and the status still shows the transition.
    if (event["reason"].is_string() &&
        (event["always"].bool_or(false) || is_transition(*object, call.parameters["conditions"])))
      write_event(call, target, event);
    if (says((*object)["status"], status)) return NativeAnswer::succeeded(Value::dict({{"changed", false}}));
    const Value patch =
        Value::dict({{"metadata", Value::dict({{"resourceVersion", (*object)["metadata"]["resourceVersion"]}})},
                     {"status", status}});
    kubernetes::WriteOptions options;
    options.subresource = "status";
    auto patched =
        target.client->patch(target.resource, target.name, kubernetes::PatchType::kMerge, patch, options, call.stop);
    if (patched) return NativeAnswer::succeeded(Value::dict({{"changed", true}}));
    if (patched.error().http_status() == 404) return gone();
    if (patched.error().http_status() != 409) return fail(patched.error());
  }
  return fail(Error(ErrorCode::kUnavailable, target.name + " keeps changing while squall writes its status")
                  .with_type("Conflict"));
}

// Waits for an API server that is away, durably: what a chain did is told before the chain ends.
Result<NativeAnswer> tell(const NativeCall& call, Services& services) {
  auto told = tell_now(call, services);
  if (told || !is_passing(told.error())) return told;
  const int64_t tries = call.state["tries"].int_or(0);
  return NativeAnswer::wait_for(growing_delay(tries, kRetryFirst, kRetryLongest),
                                Value::dict({{"tries", tries + 1}, {"reason", told.error().to_string()}}));
}

}  // namespace squall::runners::database
