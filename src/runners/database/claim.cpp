// database.claim: the finalizer and the identifier go onto the resource, in one write, before anything is made outside.
#include "runners/database/actions_impl.hpp"
#include "runners/database/names.hpp"

namespace squall::runners::database {
namespace {

constexpr int kConflictTriesMax = 10;
constexpr Duration kRetryFirst = std::chrono::seconds(1);
constexpr Duration kRetryLongest = std::chrono::seconds(60);

bool has_finalizer(const Value& finalizers) {
  for (size_t i = 0; i < finalizers.size(); ++i) {
    if (finalizers[i].string_or("") == kFinalizer) return true;
  }
  return false;
}

Error gone(const std::string& why) { return Error(ErrorCode::kNotFound, why).with_type("NotFound"); }

Result<NativeAnswer> claim_once(const NativeCall& call, Services& services) {
  const Value& plan = call.parameters["plan"];
  SQ_TRY(const ObjectTarget target, target_of(services, call, plan["object"]));
  for (int attempt = 0; attempt < kConflictTriesMax; ++attempt) {
    SQ_TRY(const Value object, target.client->get(target.resource, target.name, call.stop));
    const Value& metadata = object["metadata"];
    if (metadata["uid"].string_or("") != target.uid) return fail(gone("another resource has the name " + target.name));
    Value finalizers = metadata["finalizers"].is_list() ? metadata["finalizers"] : Value::empty_list();
    const bool held = has_finalizer(finalizers);
    if (held && metadata["annotations"][kIdentifier] == plan["identifier"])
      return NativeAnswer::succeeded(Value::dict({{"changed", false}, {"identifier", plan["identifier"]}}));
    if (!held && metadata["deletionTimestamp"].is_string())
      return fail(gone("the resource is being deleted, and nothing holds it"));
    if (!held) finalizers.push_back(Value(kFinalizer));
    Value annotations = Value::empty_dict();
    annotations.set(kIdentifier, plan["identifier"]);
    // The resource version makes it fail when somebody else changed the list meanwhile.
    const Value patch = Value::dict({{"metadata", Value::dict({{"resourceVersion", metadata["resourceVersion"]},
                                                               {"finalizers", finalizers},
                                                               {"annotations", annotations}})}});
    auto patched =
        target.client->patch(target.resource, target.name, kubernetes::PatchType::kMerge, patch, {}, call.stop);
    if (patched) return NativeAnswer::succeeded(Value::dict({{"changed", true}, {"identifier", plan["identifier"]}}));
    if (patched.error().http_status() != 409) return fail(patched.error());
  }
  return fail(
      Error(ErrorCode::kUnavailable, target.name + " keeps changing while squall claims it").with_type("Conflict"));
}

}  // namespace

Result<NativeAnswer> claim(const NativeCall& call, Services& services) {
  auto claimed = claim_once(call, services);
  if (claimed || !is_passing(claimed.error())) return claimed;
  const int64_t tries = call.state["tries"].int_or(0);
  return NativeAnswer::wait_for(growing_delay(tries, kRetryFirst, kRetryLongest),
                                Value::dict({{"tries", tries + 1}, {"reason", claimed.error().to_string()}}));
}

}  // namespace squall::runners::database
