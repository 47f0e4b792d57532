// Writes of the pack `kubernetes`: create, apply, patch, delete, finalizers.
#include "clients/kubernetes/secrets.hpp"
#include "runners/native_kubernetes_target.hpp"

namespace squall::runners {
namespace {

using kubernetes::KubernetesClients;
using kubernetes::PatchType;

constexpr int kConflictTriesMax = 10;  // of a change that is made on top of what is there

Value shown(Value object) {
  kubernetes::drop_managed_fields(object);
  kubernetes::mask_secret(object);
  return object;
}

kubernetes::WriteOptions write_options(const NativeCall& call) {
  kubernetes::WriteOptions options;
  const std::string manager = call.request.config["field_manager"].string();
  if (!manager.empty()) options.field_manager = manager;
  options.force = call.parameters["force"].bool_or(false);
  options.dry_run = call.parameters["dry_run"].bool_or(false);
  options.subresource = call.parameters["subresource"].string();
  return options;
}

Result<NativeAnswer> create(const NativeCall& call, KubernetesClients& clients) {
  const Value& body = call.parameters["body"];
  SQ_TRY(const KubernetesCall target, kubernetes_call(call, clients, body, false));
  auto created = target.client->create(target.resource, body, write_options(call), call.stop);
  if (!created && is_reason(created.error(), "AlreadyExists") && call.parameters["exist_ok"].bool_or(false)) {
    SQ_TRY(Value there, target.client->get(target.resource, target.name, call.stop));
    return NativeAnswer::succeeded(Value::dict({{"created", false}, {"object", shown(std::move(there))}}));
  }
  if (!created) return fail(created.error());
  return NativeAnswer::succeeded(Value::dict({{"created", true}, {"object", shown(std::move(*created))}}));
}

Result<NativeAnswer> apply(const NativeCall& call, KubernetesClients& clients) {
  const Value& body = call.parameters["body"];
  SQ_TRY(const KubernetesCall target, kubernetes_call(call, clients, body, true));
  SQ_TRY(Value applied, target.client->apply(target.resource, target.name, body, write_options(call), call.stop));
  return NativeAnswer::succeeded(Value::dict({{"object", shown(std::move(applied))}}));
}

Result<NativeAnswer> patch(const NativeCall& call, KubernetesClients& clients) {
  SQ_TRY(const KubernetesCall target, kubernetes_call(call, clients, Value(), true));
  const std::string type(call.parameters["type"].string_or("merge"));
  const PatchType kind = type == "json"        ? PatchType::kJson
                         : type == "strategic" ? PatchType::kStrategic
                                               : PatchType::kMerge;
  SQ_TRY(Value patched, target.client->patch(target.resource, target.name, kind, call.parameters["patch"],
                                             write_options(call), call.stop));
  return NativeAnswer::succeeded(Value::dict({{"object", shown(std::move(patched))}}));
}

Result<NativeAnswer> remove(const NativeCall& call, KubernetesClients& clients) {
  SQ_TRY(const KubernetesCall target, kubernetes_call(call, clients, Value(), true));
  kubernetes::DeleteOptions options;
  options.uid = call.parameters["uid"].string();
  options.propagation = call.parameters["propagation"].string();
  auto removed = target.client->remove(target.resource, target.name, options, call.stop);
  if (!removed && is_reason(removed.error(), "NotFound"))
    return NativeAnswer::succeeded(Value::dict({{"deleted", false}}));
  if (!removed) return fail(removed.error());
  return NativeAnswer::succeeded(Value::dict({{"deleted", true}}));
}

bool has_finalizer(const Value& object, std::string_view finalizer, size_t& index) {
  const Value& finalizers = object["metadata"]["finalizers"];
  for (index = 0; index < finalizers.size(); ++index) {
    if (finalizers[index].string_or("") == finalizer) return true;
  }
  return false;
}

Value json_operation(const char* operation, const std::string& path, Value value) {
  return Value::dict({{"op", operation}, {"path", path}, {"value", std::move(value)}});
}

// The JSON patch that adds or removes it, held to the version that was read: a list element can only be named by its
// place.
Value finalizer_patch(const Value& object, const std::string& finalizer, bool add, size_t index) {
  Value operations =
      Value::list({json_operation("test", "/metadata/resourceVersion", object["metadata"]["resourceVersion"])});
  if (!add) {
    operations.push_back(Value::dict({{"op", "remove"}, {"path", "/metadata/finalizers/" + std::to_string(index)}}));
  } else if (object["metadata"]["finalizers"].empty()) {
    operations.push_back(json_operation("add", "/metadata/finalizers", Value::list({finalizer})));
  } else {
    operations.push_back(json_operation("add", "/metadata/finalizers/-", finalizer));
  }
  return operations;
}

Result<NativeAnswer> change_finalizer(const NativeCall& call, KubernetesClients& clients, bool add) {
  SQ_TRY(const KubernetesCall target, kubernetes_call(call, clients, Value(), true));
  const std::string finalizer = call.parameters["finalizer"].string();
  const std::string uid = call.parameters["uid"].string();
  const auto unchanged = [](const char* why) {
    return NativeAnswer::succeeded(Value::dict({{"changed", false}, {"reason", why}}));
  };
  for (int attempt = 0; attempt < kConflictTriesMax; ++attempt) {
    auto object = target.client->get(target.resource, target.name, call.stop);
    if (!object && !add && is_reason(object.error(), "NotFound")) return unchanged("the object is gone");
    if (!object) return fail(object.error());
    if (!uid.empty() && (*object)["metadata"]["uid"].string_or("") != uid) {
      if (!add) return unchanged("the object is another one of the same name");
      return fail(Error(ErrorCode::kConflict, target.display() + " is another object of the same name now")
                      .with_type("Replaced"));
    }
    size_t index = 0;
    if (has_finalizer(*object, finalizer, index) == add)
      return unchanged(add ? "it is there already" : "it is not there");
    const Value operations = finalizer_patch(*object, finalizer, add, index);
    auto patched = target.client->patch(target.resource, target.name, PatchType::kJson, operations, write_options(call),
                                        call.stop);
    if (patched) return NativeAnswer::succeeded(Value::dict({{"changed", true}}));
    if (!add && is_reason(patched.error(), "NotFound")) return unchanged("the object is gone");
    // A failed `test` is answered with 422 Invalid; 409 is a conflict proper.
    const bool changed_meanwhile =
        patched.error().http_status() == 409 ||
        (patched.error().http_status() == 422 && patched.error().message().find("test") != std::string::npos);
    if (!changed_meanwhile) return fail(patched.error());
  }
  return fail(Error(ErrorCode::kConflict, target.display() + " keeps changing while squall writes to it")
                  .with_type("Conflict"));
}

Result<NativeAnswer> add_finalizer(const NativeCall& call, KubernetesClients& clients) {
  return change_finalizer(call, clients, true);
}
Result<NativeAnswer> remove_finalizer(const NativeCall& call, KubernetesClients& clients) {
  return change_finalizer(call, clients, false);
}

}  // namespace

void add_kubernetes_write_actions(NativeRegistry& registry, KubernetesClients& clients) {
  const auto add = [&](const char* name, bool idempotent,
                       Result<NativeAnswer> (*run)(const NativeCall&, KubernetesClients&)) {
    registry.add({name, idempotent, false, [run, &clients](const NativeCall& call) { return run(call, clients); }});
  };
  // A create or patch whose answer was lost may have happened; only the others look first or say the whole state.
  add("kubernetes.create", false, create);
  add("kubernetes.apply", true, apply);
  add("kubernetes.patch", false, patch);
  add("kubernetes.delete", true, remove);
  add("kubernetes.add_finalizer", true, add_finalizer);
  add("kubernetes.remove_finalizer", true, remove_finalizer);
}

}  // namespace squall::runners
