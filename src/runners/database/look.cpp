// database.look: the resource as it is now, and whether it still wants what the chain is for.
#include "clients/kubernetes/secrets.hpp"
#include "runners/database/actions_impl.hpp"
#include "runners/database/names.hpp"

namespace squall::runners::database {
namespace {

constexpr Duration kRetryFirst = std::chrono::seconds(1);
constexpr Duration kRetryLongest = std::chrono::seconds(60);

Error nothing_to_do(const std::string& why) { return Error(ErrorCode::kConflict, why).with_type("NothingToDo"); }

bool has_finalizer(const Value& object) {
  const Value& finalizers = object["metadata"]["finalizers"];
  for (size_t i = 0; i < finalizers.size(); ++i) {
    if (finalizers[i].string_or("") == kFinalizer) return true;
  }
  return false;
}

Status check_deletion(const Value& object, std::string_view doing) {
  if (!object["metadata"]["deletionTimestamp"].is_string())
    return fail(nothing_to_do("the resource is not being deleted"));
  if (!has_finalizer(object)) return fail(nothing_to_do("the resource does not wait for squall"));
  const bool retain = object["spec"]["deletionPolicy"].string_or("") == "Retain";
  if (doing == "delete" && retain) return fail(nothing_to_do("its deletionPolicy is Retain: nothing is taken down"));
  if (doing == "retain" && !retain) return fail(nothing_to_do("its deletionPolicy is not Retain any more"));
  return {};
}

Status check_policy(const Value& object, std::string_view doing) {
  const std::string_view policy = object["spec"]["managementPolicy"].string_or("Full");
  const std::string_view wanted = doing == "pause" ? "Paused" : doing == "observe" ? "Observe" : "Full";
  if (policy == wanted) return {};
  return fail(nothing_to_do("its managementPolicy is " + std::string(policy)));
}

bool is_done(const Value& object) {
  return object["status"]["observedGeneration"] == object["metadata"]["generation"] &&
         condition_is(object, "Synced", "True") && condition_is(object, "Ready", "True");
}

// Does the resource, as it is now, want what this chain does? NothingToDo says why not.
Status check_wish(const Value& object, std::string_view doing) {
  if (doing == "delete" || doing == "retain") return check_deletion(object, doing);
  if (doing == "abandon") {
    if (!has_finalizer(object)) return fail(nothing_to_do("the resource does not wait for squall"));
    const bool asked = object["metadata"]["annotations"][kAbandon] == object["metadata"]["name"];
    return asked ? Status() : fail(nothing_to_do("the annotation squall.dev/abandon does not say the resource's name"));
  }
  if (object["metadata"]["deletionTimestamp"].is_string()) return fail(nothing_to_do("the resource is being deleted"));
  SQ_CHECK(check_policy(object, doing));
  if ((doing == "create" || doing == "modify") && is_done(object))
    return fail(nothing_to_do("this generation was carried out already"));
  if (doing == "rotate" && !condition_is(object, "CredentialsPublished", "True"))
    return fail(nothing_to_do("it has no published credentials yet"));
  return {};
}

}  // namespace

// An API server that is away is waited for: without it nothing can be told, and nothing should be done.
Result<NativeAnswer> look(const NativeCall& call, Services& services) {
  const Value& seen = call.parameters["object"];
  const Value reference = Value::dict({{"api_version", seen["apiVersion"]},
                                       {"kind", seen["kind"]},
                                       {"namespace", seen["metadata"]["namespace"]},
                                       {"name", seen["metadata"]["name"]},
                                       {"uid", seen["metadata"]["uid"]}});
  auto object = [&]() -> Result<Value> {
    SQ_TRY(const ObjectTarget target, target_of(services, call, reference));
    return target.client->get(target.resource, target.name, call.stop);
  }();
  if (!object && object.error().http_status() == 404) return fail(nothing_to_do("the resource is gone"));
  if (!object) {
    if (object.error().code() == ErrorCode::kCanceled) return fail(object.error());
    const int64_t tries = call.state["tries"].int_or(0);
    return NativeAnswer::wait_for(growing_delay(tries, kRetryFirst, kRetryLongest),
                                  Value::dict({{"tries", tries + 1}, {"reason", object.error().to_string()}}));
  }
  kubernetes::drop_managed_fields(*object);
  if ((*object)["metadata"]["uid"] != seen["metadata"]["uid"])
    return fail(nothing_to_do("the resource is gone; another one has its name"));
  SQ_CHECK(check_wish(*object, call.parameters["doing"].string_or("modify")));
  return NativeAnswer::succeeded(Value::dict({{"object", *object}}));
}

// A protected resource is only taken down once somebody has said so twice.
Result<NativeAnswer> check_confirmed(const NativeCall& call) {
  const Value& object = call.parameters["object"];
  const std::string name = object["metadata"]["name"].string();
  const bool is_protected = object["spec"]["deletionProtection"].bool_or(false);
  if (!is_protected || object["metadata"]["annotations"][kConfirmDelete].string_or("") == name)
    return NativeAnswer::succeeded(Value::dict({{"protected", is_protected}, {"confirmed", true}}));
  return fail(Error(ErrorCode::kConflict, "deletionProtection is on: annotate the resource with " +
                                              std::string(kConfirmDelete) + "=" + name + " to take the database down")
                  .with_type("DeletionProtected"));
}

}  // namespace squall::runners::database
