// database.modify_instance: one ModifyDBInstance with what differs, and the wait until it is done.
#include <algorithm>

#include "runners/database/actions_impl.hpp"
#include "runners/database/names.hpp"
#include "runners/database/rds_fields.hpp"

namespace squall::runners::database {
namespace {

using clients::is_aws_error;

constexpr int64_t kRoundsMax = 3;  // calls of ModifyDBInstance without getting there
constexpr Duration kSettleFirst = std::chrono::seconds(1);
// So long a change that was to be applied at once may stay pending on an idle instance before it is asked for again.
constexpr Duration kPendingPatience = std::chrono::minutes(3);

class Modification {
 public:
  Modification(const NativeCall& call, const clients::RdsClient& rds)
      : call_(call),
        rds_(rds),
        plan_(call.parameters["plan"]),
        identifier_(plan_["identifier"].string()),
        rounds_(call.state["rounds"].int_or(0)),
        fields_(call.state["fields"].is_list() ? call.state["fields"] : Value::empty_list()) {
    const auto kept = parse_timestamp(call.state["deadline"].string_or(""));
    deadline_ = kept ? *kept : call.services.clock.now() + std::chrono::seconds(plan_["modify_timeout"].int_or(7200));
  }

  Result<NativeAnswer> run() {
    const auto found = living_instance(rds_, identifier_);
    if (!found) return is_passing(found.error()) ? later(found.error().message()) : fail(found.error());
    const Value& record = *found;
    SQ_CHECK(set_tags(record));
    const RdsChanges changes = rds_changes(plan_["owned"], record);
    const std::string status = record["DBInstanceStatus"].string();
    if (is_broken(status) || status == "deleting") {
      return fail(
          Error(ErrorCode::kRemote, "the DB instance " + identifier_ + " is " + status).with_type("DBInstanceFailed"));
    }
    if (!changes.parameters.empty()) {
      return status == "available" ? send(changes.parameters, changes.fields) : later("it is " + status);
    }
    const bool immediately = plan_["apply_immediately"].bool_or(true);
    if (rounds_ > 0 && status != "available") return later("it is " + status);
    if (immediately && has_pending(plan_["owned"], record)) return wait_for_pending(record, status);
    return done(record, changes);
  }

 private:
  Status set_tags(const Value& record) {
    SQ_TRY(const Value tags, rds_.tags_of(record, record["DBInstanceArn"].string_or("")));
    // Somebody took it over between two steps.
    if (tags[kUidTag].truthy() && tags[kUidTag] != plan_["uid"]) {
      return fail(Error(ErrorCode::kConflict, "the DB instance " + identifier_ +
                                                  " has the tag squall.dev/uid of another resource; it was not touched")
                      .with_type("NameTaken"));
    }
    const Value missing = missing_tags(plan_["tags"], tags);
    if (missing.empty()) return {};
    SQ_CHECK(add_tags(rds_, record["DBInstanceArn"].string(), missing));
    for (const auto& [key, value] : missing.as_dict()) {
      fields_.push_back(Value::dict({{"field", "tag " + key}, {"want", value}, {"have", tags[key]}}));
    }
    return {};
  }

  Result<NativeAnswer> send(Value parameters, const Value& fields) {
    if (rounds_ >= kRoundsMax) {
      return fail(Error(ErrorCode::kRemote, "RDS accepted the change of " + identifier_ + " " +
                                                std::to_string(rounds_) + " times and still shows " + describe(fields))
                      .with_type("ChangeHasNoEffect"));
    }
    parameters.set("DBInstanceIdentifier", identifier_);
    parameters.set("ApplyImmediately", plan_["apply_immediately"].bool_or(true));
    auto modified = rds_.call("ModifyDBInstance", parameters);
    if (!modified) {
      if (is_aws_error(modified.error(), "InvalidDBInstanceState") || is_passing(modified.error()))
        return later(modified.error().message());
      return fail(modified.error());
    }
    ++rounds_;
    for (const Value& field : fields.as_list()) fields_.push_back(field);
    polls_ = 0;
    return later("changing " + describe(fields));
  }

  static std::string describe(const Value& fields) {
    std::string names;
    for (const Value& field : fields.as_list()) names += (names.empty() ? "" : ", ") + field["field"].string();
    return names;
  }

  // AWS shows what it accepted as pending until it is applied. What stays pending on an idle instance was accepted for
  // the maintenance window (the spec said so before), and is asked for again.
  Result<NativeAnswer> wait_for_pending(const Value& record, const std::string& status) {
    const auto since = parse_timestamp(call_.state["idle_since"].string_or(""));
    const Timestamp now = call_.services.clock.now();
    if (status == "available" && since && now - *since > kPendingPatience) {
      Value parameters = Value::empty_dict();
      Value fields = Value::empty_list();
      for (const auto& [name, value] : record["PendingModifiedValues"].as_dict()) {
        if (plan_["owned"][name].is_null()) continue;
        parameters.set(name, plan_["owned"][name]);
        fields.push_back(Value::dict({{"field", name}, {"want", value}, {"have", record[name]}}));
      }
      return send(parameters, fields);
    }
    idle_since_ = status == "available" ? format_timestamp(since ? *since : now) : std::string();
    return later("changes are pending");
  }

  Result<NativeAnswer> done(const Value& record, const RdsChanges& changes) {
    const Value& endpoint = record["Endpoint"];
    return NativeAnswer::succeeded(
        Value::dict({{"changed", fields_},
                     {"rounds", rounds_},
                     {"pending", record["PendingModifiedValues"].is_dict() ? names_of(record["PendingModifiedValues"])
                                                                           : Value::empty_list()},
                     {"unchangeable", changes.unchangeable},
                     {"engine_version", record["EngineVersion"]},
                     {"endpoint", Value::dict({{"address", endpoint["Address"]}, {"port", endpoint["Port"]}})}}));
  }
  static Value names_of(const Value& dict) {
    Value names = Value::empty_list();
    for (const auto& [name, value] : dict.as_dict()) names.push_back(name);
    return names;
  }

  Result<NativeAnswer> later(const std::string& reason) {
    const Timestamp now = call_.services.clock.now();
    if (now >= deadline_) {
      return fail(
          Error(ErrorCode::kTimeout, "the change of the DB instance " + identifier_ + " did not end in time: " + reason)
              .with_type("TimedOut"));
    }
    const int64_t polls = polls_ >= 0 ? polls_ : call_.state["polls"].int_or(0);
    const Duration interval = std::chrono::seconds(std::max<int64_t>(1, plan_["poll_interval"].int_or(30)));
    Value state = Value::dict({{"deadline", format_timestamp(deadline_)},
                               {"rounds", rounds_},
                               {"fields", fields_},
                               {"polls", polls + 1},
                               {"reason", reason}});
    if (!idle_since_.empty()) state.set("idle_since", idle_since_);
    return NativeAnswer::wait_for(growing_delay(polls, kSettleFirst, interval), std::move(state));
  }

  const NativeCall& call_;
  const clients::RdsClient& rds_;
  const Value plan_;
  const std::string identifier_;
  Timestamp deadline_;
  int64_t rounds_;
  int64_t polls_ = -1;
  Value fields_;
  std::string idle_since_;
};

}  // namespace

Status add_tags(const clients::RdsClient& rds, const std::string& arn, const Value& tags) {
  Value list = Value::empty_list();
  for (const auto& [key, value] : tags.as_dict()) list.push_back(Value::dict({{"Key", key}, {"Value", value}}));
  SQ_TRY([[maybe_unused]] const Value answer,
         rds.call("AddTagsToResource", Value::dict({{"ResourceName", arn}, {"Tags", list}})));
  return {};
}

Result<NativeAnswer> modify_instance(const NativeCall& call, Services& services) {
  SQ_TRY(const clients::RdsClient rds, services.rds(call, call.parameters["plan"]));
  return Modification(call, rds).run();
}

}  // namespace squall::runners::database
