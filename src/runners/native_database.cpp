#include "runners/native_database.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "crypto/hash.hpp"

namespace squall::runners {
namespace {

constexpr size_t kIdentifierMax = 63;  // RDS's limit
constexpr std::string_view kFinalizer = "squall.dev/database";

struct EngineFacts {
  std::string_view name;
  int64_t port;
  std::string_view default_version;
};
constexpr EngineFacts kEngines[] = {{"postgres", 5432, "16"}, {"mysql", 3306, "8.0"}, {"mariadb", 3306, "10.11"}};

const EngineFacts* find_engine(std::string_view name) {
  for (const EngineFacts& engine : kEngines) {
    if (engine.name == name) return &engine;
  }
  return nullptr;
}

Error bad_field(const std::string& path, const std::string& why) {
  return Error(ErrorCode::kInvalid, path + ": " + why).with_type("InvalidSpec");
}

// Lower-case letters, digits and single hyphens, as RDS wants its identifiers.
std::string identifier_part(std::string_view text) {
  std::string out;
  for (const char c : to_lower(text)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain) {
      out += c;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out;
}

// <namespace>-<name>-<6 of the uid's hash>: the uid keeps a resource that is made again apart from its predecessor.
std::string make_identifier(const std::string& space, const std::string& name, const std::string& uid) {
  const std::string suffix = "-" + crypto::sha256_hex(uid).substr(0, 6);
  std::string stem = identifier_part(space + "-" + name);
  if (stem.empty() || stem.front() < 'a' || stem.front() > 'z') stem = "db-" + stem;
  if (stem.size() > kIdentifierMax - suffix.size()) stem.resize(kIdentifierMax - suffix.size());
  while (stem.ends_with("-")) stem.pop_back();
  return stem + suffix;
}

std::string database_name(const Value& spec, const std::string& name) {
  if (spec["databaseName"].is_string()) return spec["databaseName"].string();
  std::string out;
  for (const char c : name) out += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '_';
  if (out.empty() || out.front() < 'a' || out.front() > 'z') out = "db_" + out;
  return out;
}

// "30m", "1h", "45s" or plain seconds.
Result<int64_t> seconds_of(const Value& value, int64_t fallback, const std::string& path) {
  if (value.is_null()) return fallback;
  if (value.is_int()) return value.as_int();
  std::string text = value.string();
  int64_t unit = 1;
  if (text.ends_with("s") || text.ends_with("m") || text.ends_with("h")) {
    unit = text.back() == 's' ? 1 : text.back() == 'm' ? 60 : 3600;
    text.pop_back();
  }
  const auto number = parse_int(text);
  if (!number || *number <= 0) return fail(bad_field(path, "'" + value.string() + "' is not a duration such as 60m"));
  return *number * unit;
}

Result<std::string> instance_class(const Value& spec, const Value& config) {
  if (spec["instanceClass"].is_string()) return spec["instanceClass"].string();
  const std::string size = spec["size"].is_string() ? spec["size"].string() : "small";
  const Value& known = config["sizes"];
  if (known[size].is_string()) return known[size].string();
  std::string names;
  for (const auto& [name, value] : known.is_dict() ? known.as_dict() : Dict())
    names += (names.empty() ? "" : ", ") + name;
  return fail(
      bad_field("spec.size", "'" + size + "' is not one of the sizes of this platform (" + names +
                                 "); see `sizes` in the config of the pack database, or give spec.instanceClass"));
}

Value rds_parameters(const Value& spec, const std::string& engine, const std::string& version,
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

Value tags_of(const Value& object, const std::string& cluster) {
  Value tags = object["spec"]["tags"].is_dict() ? object["spec"]["tags"] : Value::empty_dict();
  const Value& metadata = object["metadata"];
  tags.set("squall.dev/uid", metadata["uid"]);
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

// What stays outside when a chain stops: made by one of these tasks and not removed by another.
struct Trace {
  std::string_view made_by, removed_by, what;
};
constexpr Trace kTraces[] = {{"finalizer", "release", "the finalizer on the Database resource"},
                             {"password", "forget_credentials", "the password in Vault at "},
                             {"instance", "instance_gone", "the RDS instance "},
                             {"endpoint", "forget_endpoint", "the Consul keys under "},
                             {"service", "forget_service", "the Consul service "}};

std::string trace_detail(const Trace& trace, const Value& plan) {
  if (trace.made_by == "password") return plan["vault"]["path"].string();
  if (trace.made_by == "instance") return plan["identifier"].string();
  if (trace.made_by == "endpoint") return plan["consul"]["prefix"].string();
  return trace.made_by == "service" ? plan["consul"]["service"].string() : std::string();
}

std::string reason_of(std::string_view task, std::string_view code) {
  if (task == "plan") return "InvalidSpec";
  if (code == "NameTaken" || code == "InvalidSpec" || code == "TimedOut") return std::string(code);
  if (code == "AccessDenied" || code == "permission_denied") return "AccessDenied";
  if (code.find("Quota") != std::string_view::npos) return "QuotaExceeded";
  if (code.find("Throttl") != std::string_view::npos) return "Throttled";
  if (code.starts_with("InvalidParameter")) return "InvalidSpec";
  if (code == "timeout") return "TimedOut";
  if (task == "password" || task == "credentials" || task == "forget_credentials") return "VaultUnavailable";
  if (task == "endpoint" || task == "service" || task == "forget_endpoint" || task == "forget_service")
    return "ConsulUnavailable";
  return "Failed";
}

bool is_error(const Value& result) { return result["error"].is_string(); }

Result<NativeAnswer> run_plan(const NativeCall& call) {
  SQ_TRY(Value plan, plan_database(call.parameters["object"], call.request.config));
  return NativeAnswer::succeeded(std::move(plan));
}

Result<NativeAnswer> run_diagnose(const NativeCall& call) {
  return NativeAnswer::succeeded(diagnose_database(call.parameters["results"], call.parameters["plan"]));
}

Result<NativeAnswer> run_fail(const NativeCall& call) {
  return NativeAnswer::failure(Value::dict({{"error", call.parameters["message"]},
                                            {"reason", call.parameters["reason"]},
                                            {"left_behind", call.parameters["left_behind"]}}));
}

}  // namespace

Result<Value> plan_database(const Value& object, const Value& config) {
  const Value& metadata = object["metadata"];
  const Value& spec = object["spec"];
  for (const char* field : {"namespace", "name", "uid"}) {
    if (!metadata[field].is_string()) return fail(bad_field(std::string("metadata.") + field, "is missing"));
  }
  const std::string engine = spec["engine"].string();
  const EngineFacts* facts = find_engine(engine);
  if (facts == nullptr)
    return fail(bad_field("spec.engine", "'" + engine + "' is not one of postgres, mysql, mariadb"));
  const std::string space = metadata["namespace"].string();
  const std::string name = metadata["name"].string();
  const std::string uid = metadata["uid"].string();
  const std::string cluster = config["cluster"].is_string() ? config["cluster"].string() : "default";
  const std::string version =
      spec["version"].is_string() ? spec["version"].string() : std::string(facts->default_version);
  SQ_TRY(const std::string db_class, instance_class(spec, config));
  SQ_TRY(const int64_t create_timeout, seconds_of(spec["timeouts"]["create"], 3600, "spec.timeouts.create"));
  SQ_TRY(const int64_t delete_timeout, seconds_of(spec["timeouts"]["delete"], 3600, "spec.timeouts.delete"));
  const std::string path = "databases/" + cluster + "/" + space + "/" + name;
  const std::string identifier = make_identifier(space, name, uid);
  const std::string db_name = database_name(spec, name);
  const std::string policy = spec["deletionPolicy"].is_string() ? spec["deletionPolicy"].string() : "Snapshot";
  const std::string service = name + "-" + space;
  return Value::dict(
      {{"object", object_reference(object)},
       {"generation", metadata["generation"].int_or(0)},
       {"uid", uid},
       {"cluster", cluster},
       {"identifier", identifier},
       {"engine", engine},
       {"engine_version", version},
       {"size", spec["size"].is_string() ? spec["size"] : Value(db_class)},
       {"default_port", facts->port},
       {"database_name", db_name},
       {"master_username", config["master_username"].is_string() ? config["master_username"] : Value("dbadmin")},
       {"finalizer", kFinalizer},
       {"rds", rds_parameters(spec, engine, version, db_class, db_name, config)},
       {"tags", tags_of(object, cluster)},
       {"vault",
        Value::dict(
            {{"mount", spec["publish"]["vault"]["mount"].is_string() ? spec["publish"]["vault"]["mount"]
                       : config["vault_mount"].is_string()           ? config["vault_mount"]
                                                                     : Value("secret")},
             {"path", spec["publish"]["vault"]["path"].truthy() ? spec["publish"]["vault"]["path"] : Value(path)}})},
       {"consul",
        Value::dict({{"prefix",
                      spec["publish"]["consul"]["prefix"].truthy() ? spec["publish"]["consul"]["prefix"] : Value(path)},
                     {"service", service},
                     {"node", "rds-" + identifier}})},
       {"deletion", Value::dict({{"policy", policy},
                                 {"retain", policy == "Retain"},
                                 {"skip_final_snapshot", policy == "Delete"},
                                 {"final_snapshot", policy == "Snapshot" ? Value(identifier + "-final") : Value()}})},
       {"poll_interval", config["poll_interval"].int_or(30)},
       {"create_timeout", create_timeout},
       {"delete_timeout", delete_timeout}});
}

Value diagnose_database(const Value& results, const Value& plan) {
  std::string task, code, message;
  Value left_behind = Value::empty_list();
  const Dict none;
  for (const auto& [name, result] : results.is_dict() ? results.as_dict() : none) {
    if (!is_error(result) || name == "mark_failed" || name == "failed_event") continue;
    task = name;
    code = result["code"].string();
    message = result["error"].string();
  }
  for (const Trace& trace : kTraces) {
    const Value& made = results[trace.made_by];
    const Value& removed = results[trace.removed_by];
    // In a deletion chain nothing was made, but what is not yet removed is still there.
    const bool deleting = results.contains("forget_service") || results.contains("instance_gone");
    const bool exists = made.is_null() ? deleting && trace.made_by != "finalizer" : !is_error(made);
    if (!exists || (!removed.is_null() && !is_error(removed))) continue;
    left_behind.push_back(std::string(trace.what) + trace_detail(trace, plan));
  }
  return Value::dict(
      {{"task", task},
       {"code", code},
       {"reason", reason_of(task, code)},
       {"message", task.empty() ? std::string("The chain failed.") : "Step '" + task + "' failed: " + message},
       {"left_behind", left_behind}});
}

void add_database_actions(NativeRegistry& registry) {
  registry.add({"database.plan", true, true, run_plan});
  registry.add({"database.diagnose", true, true, run_diagnose});
  registry.add({"database.fail", true, true, run_fail});
}

}  // namespace squall::runners
