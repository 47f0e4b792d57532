// database.publish_secret and forget_secret: a Kubernetes Secret for applications that want one.
#include "base/log.hpp"
#include "base/strings.hpp"
#include "runners/database/actions_impl.hpp"
#include "runners/database/names.hpp"
#include "runners/database/plan.hpp"
#include "runners/database/store.hpp"

namespace squall::runners::database {
namespace {

constexpr std::string_view kManagedBy = "app.kubernetes.io/managed-by";
constexpr size_t kLabelMax = 63;  // of Kubernetes

kubernetes::ResourceId secrets_of(const Value& plan) {
  return {"", "v1", "secrets", plan["object"]["namespace"].string()};
}

bool is_ours(const Value& secret, const Value& plan) {
  const Value& owners = secret["metadata"]["ownerReferences"];
  for (size_t i = 0; i < owners.size(); ++i) {
    if (owners[i]["uid"] == plan["uid"]) return true;
  }
  return false;
}

// Null when there is none of that name.
Result<Value> find(const std::shared_ptr<kubernetes::Client>& client, const Value& plan, const std::string& name,
                   StopToken stop) {
  auto found = client->get(secrets_of(plan), name, stop);
  if (!found && found.error().http_status() == 404) return Value();
  return found;
}

Result<bool> remove_if_ours(const std::shared_ptr<kubernetes::Client>& client, const Value& plan,
                            const std::string& name, StopToken stop) {
  if (name.empty()) return false;
  SQ_TRY(const Value there, find(client, plan, name, stop));
  if (there.is_null() || !is_ours(there, plan)) return false;
  kubernetes::DeleteOptions options;
  options.uid = there["metadata"]["uid"].string();
  auto removed = client->remove(secrets_of(plan), name, options, stop);
  if (!removed && removed.error().http_status() != 404) return fail(removed.error());
  return true;
}

// What is published, resolved here so that it is in no parameter and no result. With logins of Vault's the Secret has
// none: a client asks Vault.
Result<Value> published_credentials(const NativeCall& call, Services& services, const Value& plan) {
  if (is_aws_managed(plan)) return managed_credentials(plan, call.parameters["instance"]);
  SQ_TRY(const auto store, password_store(call, services, plan));
  SQ_TRY(const Kept kept, store->current());
  if (!kept.data["password"].is_string())
    return fail(Error(ErrorCode::kNotFound, "there are no credentials at " + store->name() + " to make the Secret from")
                    .with_type("NotFound"));
  Value data = kept.data;
  if (plan["logins"].is_dict()) data.set("username", plan["logins"]["username"]);
  return data;
}

}  // namespace

std::string secret_type(const Value& plan) {
  return "servicebinding.io/" + (plan["engine"].string_or("") == "postgres" ? "postgresql" : plan["engine"].string());
}

Value secret_manifest(const Value& plan, const std::string& name, const std::string& type, const Value& members) {
  const Value& object = plan["object"];
  Value data = Value::empty_dict();
  for (const auto& [key, value] : members.as_dict()) data.set(key, base64_encode(value.string()));
  const Value owner = Value::dict({{"apiVersion", object["api_version"]},
                                   {"kind", object["kind"]},
                                   {"name", object["name"]},
                                   {"uid", object["uid"]},
                                   {"blockOwnerDeletion", false},
                                   {"controller", true}});
  return Value::dict(
      {{"apiVersion", "v1"},
       {"kind", "Secret"},
       {"metadata",
        Value::dict({{"name", name},
                     {"namespace", object["namespace"]},
                     {"labels", Value::dict({{kManagedBy, "squall"},
                                             {"squall.dev/database", shortened(object["name"].string(), kLabelMax)}})},
                     {"ownerReferences", Value::list({owner})}})},
       {"type", type},
       {"data", data}});
}

Value secret_members(const Value& plan, const Value& credentials) {
  const bool with_password = plan["secret"]["password"].bool_or(false);
  const std::string type = plan["engine"].string_or("") == "postgres" ? "postgresql" : plan["engine"].string();
  Value members = Value::dict({{"type", type},
                               {"provider", "aws-rds"},
                               {"host", credentials["host"]},
                               {"port", credentials["port"]},
                               {"database", credentials["dbname"]},
                               {"sslmode", credentials["sslmode"]}});
  if (credentials["username"].truthy()) members.set("username", credentials["username"]);
  if (plan["logins"].is_dict()) members.set("vault_path", plan["logins"]["path"]);
  if (credentials["secret_arn"].truthy()) members.set("secret_arn", credentials["secret_arn"]);
  if (with_password) {
    members.set("password", credentials["password"]);
    members.set("uri", credentials["uri"]);
  } else {
    members.set("uri", type + "://" + credentials["host"].string() + ":" + credentials["port"].string() + "/" +
                           percent_encode(credentials["dbname"].string()));
  }
  return members;
}

Result<NativeAnswer> publish_secret(const NativeCall& call, Services& services) {
  const Value& plan = call.parameters["plan"];
  const std::string before = call.parameters["object"]["status"]["secretRef"]["name"].string();
  const std::string name = plan["secret"]["name"].string();
  const auto answer = [&](bool changed) {
    return NativeAnswer::succeeded(Value::dict({{"name", name.empty() ? Value() : Value(name)}, {"changed", changed}}));
  };
  if (name.empty() && before.empty()) return answer(false);
  SQ_TRY(const auto client, services.cluster(call));
  bool changed = false;
  if (before != name) {
    SQ_TRY(changed, remove_if_ours(client, plan, before, call.stop));
  }
  // With SecretOnly the Secret is where the password is kept: publish_credentials has written it.
  if (name.empty() || is_secret_only(plan)) return answer(changed);
  SQ_TRY(const Value there, find(client, plan, name, call.stop));
  if (!there.is_null() && !is_ours(there, plan)) {
    return fail(Error(ErrorCode::kConflict, "the Secret " + plan["object"]["namespace"].string() + "/" + name +
                                                " exists already and is not of this Database; it is left alone")
                    .with_type("NameTaken"));
  }
  SQ_TRY(const Value credentials, published_credentials(call, services, plan));
  add_log_secret(credentials["password"].string());
  const Value wanted = secret_manifest(plan, name, secret_type(plan), secret_members(plan, credentials));
  if (there["data"] == wanted["data"] && there["type"] == wanted["type"]) return answer(changed);
  kubernetes::WriteOptions options;
  options.force = true;  // members that somebody changed by hand come back
  SQ_TRY([[maybe_unused]] const Value applied, client->apply(secrets_of(plan), name, wanted, options, call.stop));
  return answer(true);
}

// Kubernetes collects it with its owner; where nothing collects, it goes here. With `keep` it stays, without an owner.
Result<NativeAnswer> forget_secret(const NativeCall& call, Services& services) {
  const Value& plan = call.parameters["plan"];
  const std::string name = call.parameters["object"]["status"]["secretRef"]["name"].string();
  if (name.empty()) return NativeAnswer::succeeded(Value::dict({{"deleted", false}}));
  SQ_TRY(const auto client, services.cluster(call));
  if (!call.parameters["keep"].bool_or(false)) {
    SQ_TRY(const bool deleted, remove_if_ours(client, plan, name, call.stop));
    return NativeAnswer::succeeded(Value::dict({{"deleted", deleted}}));
  }
  SQ_TRY(const Value there, find(client, plan, name, call.stop));
  if (!there.is_null() && is_ours(there, plan)) {
    const Value patch = Value::dict({{"metadata", Value::dict({{"ownerReferences", Value()}})}});
    SQ_TRY([[maybe_unused]] const Value patched,
           client->patch(secrets_of(plan), name, kubernetes::PatchType::kMerge, patch, {}, call.stop));
  }
  return NativeAnswer::succeeded(Value::dict({{"deleted", false}}));
}

}  // namespace squall::runners::database
