// database.adopt_instance and release_instance: whose a DB instance is.
#include "runners/database/actions_impl.hpp"
#include "runners/database/names.hpp"

namespace squall::runners::database {
namespace {

Error taken(const std::string& identifier, const std::string& why) {
  return Error(ErrorCode::kConflict,
               "the DB instance " + identifier + " exists already and is not ours: " + why + "; it was not touched")
      .with_type("NameTaken");
}

// An instance says itself that it may be taken: by a tag that its owner set, or because it was of a resource of this
// name.
bool is_offered(const Value& tags, const Value& plan) {
  const Value& object = plan["object"];
  if (tags[kAdoptTag].string_or("") == object["namespace"].string() + "/" + object["name"].string()) return true;
  return tags["squall.dev/namespace"] == object["namespace"] && tags["squall.dev/name"] == object["name"] &&
         tags["squall.dev/cluster"] == plan["cluster"];
}

// The resource that the tags speak of, when it is there and the instance is its own.
Result<bool> has_living_owner(const NativeCall& call, Services& services, const Value& tags, const Value& plan) {
  if (!tags[kUidTag].truthy() || tags["squall.dev/cluster"] != plan["cluster"]) return false;
  Value reference = plan["object"];
  reference.set("namespace", tags["squall.dev/namespace"]);
  reference.set("name", tags["squall.dev/name"]);
  if (!reference["namespace"].truthy() || !reference["name"].truthy()) return false;
  SQ_TRY(const ObjectTarget target, target_of(services, call, reference));
  const auto found = target.client->get(target.resource, target.name, call.stop);
  if (!found && found.error().http_status() == 404) return false;
  if (!found) return fail(found.error());
  return (*found)["metadata"]["uid"] == tags[kUidTag];
}

std::string owner_name(const Value& tags) {
  return "the Database " + tags["squall.dev/namespace"].string() + "/" + tags["squall.dev/name"].string();
}

// Whose it is, when it is not ours by its tag; an error says why it is not to be ours.
Status check_takeover(const NativeCall& call, Services& services, const Value& plan, const Value& tags) {
  const std::string identifier = plan["identifier"].string();
  const std::string policy(plan["adopt"]["policy"].string_or("Never"));
  SQ_TRY(const bool owned, has_living_owner(call, services, tags, plan));
  if (owned) {
    return fail(taken(identifier, "it belongs to " + owner_name(tags) +
                                      ", and one instance has one resource. Delete that one first, with "
                                      "deletionPolicy Retain, or give this one another identifier"));
  }
  if (policy == "Never") {
    std::string why = "it has not the tag squall.dev/uid of this resource, and spec.adopt.policy is Never";
    if (is_offered(tags, plan)) {
      why += ". It was made for a resource of this name that is gone: to have it, set spec.adopt to {identifier: " +
             identifier + ", policy: IfTagged}";
    }
    return fail(taken(identifier, why));
  }
  if (policy == "IfTagged" && !is_offered(tags, plan)) {
    return fail(taken(identifier, "spec.adopt.policy is IfTagged and it has no tag squall.dev/adopt=" +
                                      plan["object"]["namespace"].string() + "/" + plan["object"]["name"].string()));
  }
  return {};
}

}  // namespace

// Before anything is created: an instance of that name is ours, becomes ours, or is left alone.
Result<NativeAnswer> adopt_instance(const NativeCall& call, Services& services) {
  const Value& plan = call.parameters["plan"];
  const std::string identifier = plan["identifier"].string();
  const std::string policy(plan["adopt"]["policy"].string_or("Never"));
  const Value& known = call.parameters["object"]["status"]["resourceId"];
  SQ_TRY(const clients::RdsClient rds, services.rds(call, plan));
  SQ_TRY(const Value record, rds.find_instance(identifier));
  const auto answer = [&](bool exists, bool adopted) {
    return NativeAnswer::succeeded(
        Value::dict({{"identifier", identifier},
                     {"exists", exists},
                     {"adopted", adopted},
                     {"master_username", exists ? record["MasterUsername"] : plan["master_username"]}}));
  };
  if (record.is_null()) {
    if (policy == "Never" || known.truthy() || !plan["adopt"]["identifier"].truthy()) return answer(false, false);
    return fail(
        Error(ErrorCode::kNotFound, "there is no DB instance " + identifier + " to adopt").with_type("AdoptionFailed"));
  }
  SQ_TRY(const Value tags, rds.tags_of(record, record["DBInstanceArn"].string_or("")));
  if (tags[kUidTag] == plan["uid"]) return answer(true, false);
  // Its tags were taken off by hand; it is still the very one that squall made.
  if (!tags[kUidTag].truthy() && known.truthy() && known == record["DbiResourceId"]) return answer(true, false);
  SQ_CHECK(check_takeover(call, services, plan, tags));
  if (record["Engine"].string_or("") != plan["engine"].string_or("")) {
    return fail(Error(ErrorCode::kInvalid, "spec.engine: the DB instance " + identifier + " to adopt is " +
                                               record["Engine"].string() + ", not " + plan["engine"].string())
                    .with_type("InvalidSpec"));
  }
  SQ_CHECK(add_tags(rds, record["DBInstanceArn"].string(), plan["tags"]));
  return answer(true, true);
}

// Takes our tags off, so that nobody takes the instance for ours any more.
Result<NativeAnswer> release_instance(const NativeCall& call, Services& services) {
  const Value& plan = call.parameters["plan"];
  const std::string identifier = plan["identifier"].string();
  SQ_TRY(const clients::RdsClient rds, services.rds(call, plan));
  SQ_TRY(const Value record, rds.find_instance(identifier));
  const auto answer = [&](bool released) {
    return NativeAnswer::succeeded(Value::dict({{"identifier", identifier}, {"released", released}}));
  };
  if (record.is_null()) return answer(false);
  SQ_TRY(const Value tags, rds.tags_of(record, record["DBInstanceArn"].string_or("")));
  if (tags[kUidTag] != plan["uid"]) return answer(false);

  Value keys = Value::empty_list();
  for (const auto& [key, value] : tags.as_dict()) {
    if (key.starts_with("squall.dev/") && key != kUidTag) keys.push_back(key);
  }
  keys.push_back(kUidTag);
  SQ_TRY(
      [[maybe_unused]] const Value removed,
      rds.call("RemoveTagsFromResource", Value::dict({{"ResourceName", record["DBInstanceArn"]}, {"TagKeys", keys}})));
  return answer(true);
}

}  // namespace squall::runners::database
