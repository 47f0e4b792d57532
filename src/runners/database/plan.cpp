#include "runners/database/plan.hpp"

#include "base/clock.hpp"
#include "base/strings.hpp"
#include "crypto/hash.hpp"
#include "runners/database/names.hpp"
#include "value/json.hpp"

namespace squall::runners::database {
namespace {

constexpr size_t kServiceNameMax = 63;  // a label of DNS: Consul would not answer for a longer one

std::string names_of(const Value& dict) {
  std::string names;
  for (const auto& [name, value] : dict.is_dict() ? dict.as_dict() : Dict())
    names += (names.empty() ? "" : ", ") + name;
  return names.empty() ? "none are set" : names;
}

Result<std::string> provider_of(const Value& spec, const Value& config) {
  const std::string name = spec["providerRef"]["name"].string();
  if (name.empty() || config["providers"][name].is_dict()) return name;
  return fail(bad_field("spec.providerRef.name", "'" + name + "' is not one of the providers of this platform (" +
                                                     names_of(config["providers"]) +
                                                     "); see `providers` in the config of the pack database"));
}

// {snapshot} or {source, time}; null: a new database.
Value restore_part(const Value& spec) {
  const Value& from = spec["restoreFrom"];
  if (from["snapshot"].truthy()) return Value::dict({{"snapshot", from["snapshot"]}});
  const Value& moment = from["pointInTime"];
  if (!moment.is_dict()) return {};
  return Value::dict({{"source", moment["source"]}, {"time", moment["time"]}});
}

Result<std::string> instance_class(const Value& spec, const Value& config) {
  if (spec["instanceClass"].is_string()) return spec["instanceClass"].string();
  const std::string size = spec["size"].is_string() ? spec["size"].string() : "small";
  const Value& known = config["sizes"];
  if (known[size].is_string()) return known[size].string();
  return fail(
      bad_field("spec.size", "'" + size + "' is not one of the sizes of this platform (" + names_of(known) +
                                 "); see `sizes` in the config of the pack database, or give spec.instanceClass"));
}

// Parameters of aws.rds_create_db_instance.
Value create_parameters(const Value& spec, const std::string& engine, const std::string& version,
                        const std::string& db_class, const std::string& db_name, const Value& config) {
  const Value& storage = spec["storage"];
  Value rds = Value::dict(
      {{"db_instance_class", db_class},
       {"engine", engine},
       {"engine_version", version},
       {"allocated_storage", storage["sizeGiB"].int_or(20)},
       {"storage_type", storage["type"].is_string() ? storage["type"] : Value("gp3")},
       {"db_name", db_name},
       {"master_username", config["master_username"].is_string() ? config["master_username"] : Value("dbadmin")},
       {"multi_az", spec["highAvailability"].bool_or(false)},
       {"publicly_accessible", spec["network"]["public"].bool_or(false)},
       {"backup_retention_period", spec["backup"]["retentionDays"].int_or(7)},
       {"storage_encrypted", spec["encryption"]["enabled"].bool_or(true)},
       {"deletion_protection", spec["deletionProtection"].bool_or(false)}});
  const auto copy = [&](const char* name, const Value& value) {
    if (value.truthy()) rds.set(name, value);
  };
  copy("db_subnet_group_name", spec["network"]["subnetGroup"]);
  copy("vpc_security_group_ids", spec["network"]["securityGroups"]);
  copy("preferred_backup_window", spec["backup"]["window"]);
  copy("preferred_maintenance_window", spec["maintenance"]["window"]);
  copy("kms_key_id", spec["encryption"]["kmsKey"]);
  Value raw = spec["parameters"].is_dict() ? spec["parameters"] : Value::empty_dict();
  if (storage["maxGiB"].is_int()) raw.set("MaxAllocatedStorage", storage["maxGiB"]);
  if (!raw.empty()) rds.set("parameters", raw);
  return rds;
}

// What squall keeps as the spec says, in the API's names. A field that the spec leaves out is RDS's own business.
Value owned_fields(const Value& spec, const std::string& db_class) {
  Value owned = Value::dict({{"DBInstanceClass", db_class}});
  const auto own = [&](const char* name, const Value& value) {
    if (!value.is_null() && value != Value("")) owned.set(name, value);
  };
  own("EngineVersion", spec["version"]);
  own("AllocatedStorage", spec["storage"]["sizeGiB"]);
  own("MaxAllocatedStorage", spec["storage"]["maxGiB"]);
  own("StorageType", spec["storage"]["type"]);
  own("MultiAZ", spec["highAvailability"]);
  own("PubliclyAccessible", spec["network"]["public"]);
  if (!spec["network"]["securityGroups"].empty()) own("VpcSecurityGroupIds", spec["network"]["securityGroups"]);
  own("BackupRetentionPeriod", spec["backup"]["retentionDays"]);
  own("PreferredBackupWindow", spec["backup"]["window"]);
  own("PreferredMaintenanceWindow", spec["maintenance"]["window"]);
  own("DeletionProtection", spec["deletionProtection"]);
  for (const auto& [name, value] : spec["parameters"].is_dict() ? spec["parameters"].as_dict() : Dict())
    own(name.c_str(), value);
  return owned;
}

Value tags_of(const Value& object, const std::string& cluster) {
  Value tags = object["spec"]["tags"].is_dict() ? object["spec"]["tags"] : Value::empty_dict();
  const Value& metadata = object["metadata"];
  tags.set(kUidTag, metadata["uid"]);
  tags.set("squall.dev/cluster", cluster);
  tags.set("squall.dev/namespace", metadata["namespace"]);
  tags.set("squall.dev/name", metadata["name"]);
  return tags;
}

Value object_reference(const Value& object) {
  return Value::dict({{"api_version", object["apiVersion"]},
                      {"kind", object["kind"]},
                      {"namespace", object["metadata"]["namespace"]},
                      {"name", object["metadata"]["name"]},
                      {"uid", object["metadata"]["uid"]}});
}

// `asked`: there is something in Consul, or to be put there; otherwise there need be no Consul at all.
Value consul_part(const Value& object, const std::string& path, const std::string& service,
                  const std::string& identifier) {
  const Value& given = object["spec"]["publish"]["consul"];
  const bool wanted = given["kv"].bool_or(true) || given["service"].bool_or(true);
  return Value::dict({{"wanted", wanted},
                      {"asked", wanted || object["status"]["consul"]["kvPrefix"].truthy()},
                      {"prefix", given["prefix"].truthy() ? given["prefix"] : Value(path)},
                      {"kv", given["kv"].bool_or(true)},
                      {"service", service},
                      {"register", given["service"].bool_or(true)},
                      {"node", "rds-" + identifier}});
}

// A snapshot's name is the same in every try of one deletion, and another for every deletion.
Value deletion_part(const Value& object, const std::string& identifier) {
  const Value& spec = object["spec"];
  const std::string policy(spec["deletionPolicy"].string_or("Snapshot"));
  const auto since = parse_timestamp(object["metadata"]["deletionTimestamp"].string_or(""));
  const auto seconds =
      since ? std::chrono::duration_cast<std::chrono::seconds>(since->time_since_epoch()).count() : int64_t{0};
  // An instance that never was available has nothing worth a snapshot, and RDS may not be able to take one.
  const bool snapshot = policy == "Snapshot" && condition_is(object, "Provisioned", "True");
  std::string name = identifier + "-final-" + std::to_string(seconds);
  constexpr size_t kSnapshotNameMax = 255;  // RDS's limit
  if (name.size() > kSnapshotNameMax) name.resize(kSnapshotNameMax);
  return Value::dict({{"policy", policy},
                      {"skip_final_snapshot", !snapshot},
                      {"final_snapshot", snapshot ? Value(name) : Value()},
                      {"keep_secret", policy == "Snapshot"}});
}

// Creating, Modifying or Repairing: what the resource says while the chain runs.
std::string doing(const Value& object) {
  if (!object["status"]["endpoint"]["host"].truthy()) return "Creating";
  const bool same = object["status"]["observedGeneration"] == object["metadata"]["generation"];
  return same ? "Repairing" : "Modifying";
}

// What raw parameters may not say, for squall says it, or it is nothing for a spec.
Status check_parameters(const Value& spec) {
  constexpr std::pair<const char*, const char*> kTaken[] = {
      {"DBInstanceIdentifier",
       "squall makes the identifier; for an instance that is there already see adopt.identifier"},
      {"MasterUserPassword", "a password does not belong into a spec; see credentials.passwordFrom"},
      {"ManageMasterUserPassword", "see credentials.mode"},
      {"Engine", "see spec.engine"},
      {"Tags", "see spec.tags"}};
  for (const auto& [name, hint] : kTaken) {
    if (spec["parameters"].contains(name)) return fail(bad_field(std::string("spec.parameters.") + name, hint));
  }
  return {};
}

Status check_identity(const Value& metadata) {
  for (const char* field : {"namespace", "name", "uid"}) {
    if (!metadata[field].is_string()) return fail(bad_field(std::string("metadata.") + field, "is missing"));
  }
  return {};
}

// Once made it never changes, whatever becomes of the spec. The annotation outlives a status that was lost, say by a
// backup of the cluster that was put back.
std::string identifier_of(const Value& object) {
  if (object["status"]["identifier"].truthy()) return object["status"]["identifier"].string();
  if (const Value& noted = object["metadata"]["annotations"][kIdentifier]; noted.truthy())
    return to_lower(noted.string());
  const Value& adopt = object["spec"]["adopt"];
  if (adopt["identifier"].truthy()) return to_lower(adopt["identifier"].string());
  const Value& metadata = object["metadata"];
  return make_identifier(metadata["namespace"].string(), metadata["name"].string(), metadata["uid"].string());
}

}  // namespace

std::string wish_of(const Value& plan) {
  return crypto::sha256_hex(to_json(plan["rds"]) + to_json(plan["owned"])).substr(0, 16);
}

Result<Value> plan_database(const Value& object, const Value& config) {
  const Value& metadata = object["metadata"];
  const Value& spec = object["spec"];
  SQ_CHECK(check_identity(metadata));
  const std::string engine = spec["engine"].string();
  const EngineFacts* facts = find_engine(engine);
  if (facts == nullptr)
    return fail(bad_field("spec.engine", "'" + engine + "' is not one of postgres, mysql, mariadb"));
  const std::string space = metadata["namespace"].string();
  const std::string name = metadata["name"].string();
  const std::string cluster = config["cluster"].truthy() ? config["cluster"].string() : "default";
  const std::string version =
      spec["version"].is_string() ? spec["version"].string() : std::string(facts->default_version);
  SQ_CHECK(check_parameters(spec));
  SQ_TRY(const std::string db_class, instance_class(spec, config));
  SQ_TRY(const int64_t create_timeout, seconds_of(spec["timeouts"]["create"], 3600, "spec.timeouts.create"));
  SQ_TRY(const int64_t modify_timeout, seconds_of(spec["timeouts"]["modify"], 7200, "spec.timeouts.modify"));
  SQ_TRY(const int64_t delete_timeout, seconds_of(spec["timeouts"]["delete"], 3600, "spec.timeouts.delete"));
  SQ_TRY(const std::string provider, provider_of(spec, config));
  const std::string path = "databases/" + cluster + "/" + space + "/" + name;
  const std::string identifier = identifier_of(object);
  const std::string db_name = database_name(spec, name);
  const std::string service = shortened(replace_all(name, ".", "-") + "-" + space, kServiceNameMax);
  Value plan = Value::dict(
      {{"object", object_reference(object)},
       {"generation", metadata["generation"].int_or(0)},
       {"uid", metadata["uid"]},
       {"cluster", cluster},
       {"doing", doing(object)},
       {"identifier", identifier},
       {"engine", engine},
       {"engine_version", version},
       {"size", spec["size"].is_string() ? spec["size"] : Value(db_class)},
       {"default_port", facts->port},
       {"database_name", db_name},
       {"master_username", config["master_username"].truthy() ? config["master_username"] : Value("dbadmin")},
       {"finalizer", kFinalizer},
       {"rds", create_parameters(spec, engine, version, db_class, db_name, config)},
       {"owned", owned_fields(spec, db_class)},
       {"apply_immediately", spec["maintenance"]["apply"].string_or("Immediately") != "InWindow"},
       {"tags", tags_of(object, cluster)},
       {"adopt",
        Value::dict({{"policy", spec["adopt"]["policy"].is_string() ? spec["adopt"]["policy"] : Value("Never")},
                     {"identifier", spec["adopt"]["identifier"]}})},
       {"database_named", spec["databaseName"].is_string()},
       {"provider", provider},
       {"restore", restore_part(spec)},
       {"consul", consul_part(object, path, service, identifier)},
       {"deletion", deletion_part(object, identifier)},
       {"drift_policy", spec["driftPolicy"].is_string() ? spec["driftPolicy"] : Value("Correct")},
       {"poll_interval", config["poll_interval"].int_or(30)},
       {"create_timeout", create_timeout},
       {"modify_timeout", modify_timeout},
       {"delete_timeout", delete_timeout}});
  SQ_CHECK(plan_credentials(object, config, path, plan));
  return plan;
}

}  // namespace squall::runners::database
