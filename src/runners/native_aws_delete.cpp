// aws.rds_delete_db_instance.
#include <algorithm>
#include <charconv>

#include "runners/native_aws_common.hpp"

namespace squall::runners::aws {
namespace {

using clients::is_aws_error;

constexpr int64_t kTimeoutSeconds = 3600;
constexpr Duration kRetryMin = std::chrono::seconds(5);
constexpr Duration kRetryMax = std::chrono::seconds(30);

Value answer(const std::string& identifier, bool deleted, const Value& record, const Value& final_snapshot) {
  return Value::dict({{"db_instance_identifier", identifier},
                      {"deleted", deleted},
                      {"status", record["DBInstanceStatus"]},
                      {"final_db_snapshot_identifier", final_snapshot},
                      {"db_instance", record}});
}

// When the execution began: its id holds that, and stays the same over all tries.
int64_t start_of(const NativeCall& call) {
  constexpr size_t kTimeDigits = 8;
  const std::string& id = call.request.execution_id;
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + std::min(id.size(), kTimeDigits), seconds, 16);
  if (is_object_id(id) && error == std::errc()) return seconds;
  return std::chrono::duration_cast<std::chrono::seconds>(call.services.clock.now().time_since_epoch()).count();
}

// The snapshot's name stays the same over all tries: a reply that was lost must not lead to a second one.
Value final_snapshot_name(const NativeCall& call, const std::string& identifier) {
  if (call.parameters["skip_final_snapshot"].bool_or(false)) return Value();
  if (const Value& given = call.parameters["final_db_snapshot_identifier"]; !given.empty()) return given;
  if (const Value& kept = call.state["final_snapshot"]; kept.is_string()) return kept;
  return identifier + "-final-" + std::to_string(start_of(call));
}

class Deletion {
 public:
  Deletion(const NativeCall& call, const clients::RdsClient& rds)
      : call_(call),
        rds_(rds),
        identifier_(call.parameters["db_instance_identifier"].string()),
        deadline_(deadline_text(call, call.parameters["timeout"].int_or(kTimeoutSeconds))),
        final_snapshot_(final_snapshot_name(call, identifier_)) {}

  Result<NativeAnswer> run() {
    SQ_TRY(const Value record, rds_.find_instance(identifier_));
    if (record.is_null()) return already_gone();
    SQ_CHECK(check_owner_if_asked(call_, rds_, record));
    if (record["DBInstanceStatus"].string_or("") == "deleting") return already_deleting(record);
    if (record["DeletionProtection"].bool_or(false)) return lift_protection();
    return delete_now();
  }

 private:
  // A try of ours whose reply was lost may have done it: the final snapshot tells, or that it was there before.
  Result<NativeAnswer> already_gone() {
    SQ_TRY(const Value snapshot, made_snapshot());
    const bool by_us = call_.state["tries"].int_or(0) > 0 || !snapshot.is_null();
    return NativeAnswer::succeeded(answer(identifier_, by_us, Value(), snapshot));
  }

  Result<NativeAnswer> already_deleting(const Value& record) {
    SQ_TRY(const Value snapshot, made_snapshot());
    return NativeAnswer::succeeded(answer(identifier_, true, record, snapshot));
  }

  // The final snapshot's name if there is one of that name, else null.
  Result<Value> made_snapshot() {
    if (!final_snapshot_.is_string()) return Value();
    SQ_TRY(const Value made, rds_.find_snapshot(final_snapshot_.string()));
    return made.is_null() ? Value() : final_snapshot_;
  }

  Result<NativeAnswer> lift_protection() {
    if (!call_.parameters["disable_deletion_protection"].bool_or(false)) {
      return fail(error_of(ErrorCode::kRemote, "InvalidParameterCombination",
                           "the DB instance " + identifier_ +
                               " has deletion protection; set disable_deletion_protection to lift it")
                      .with_http_status(400));
    }
    auto modified = rds_.call("ModifyDBInstance", Value::dict({{"DBInstanceIdentifier", identifier_},
                                                               {"DeletionProtection", false},
                                                               {"ApplyImmediately", true}}));
    if (!modified && !is_aws_error(modified.error(), "InvalidDBInstanceState"))
      return fail(std::move(modified).error());
    return try_again("its deletion protection is being lifted");
  }

  Result<NativeAnswer> delete_now() {
    Value parameters =
        Value::dict({{"DBInstanceIdentifier", identifier_}, {"SkipFinalSnapshot", final_snapshot_.is_null()}});
    if (!final_snapshot_.is_null()) parameters.set("FinalDBSnapshotIdentifier", final_snapshot_);
    if (const Value& backups = call_.parameters["delete_automated_backups"]; backups.is_bool()) {
      parameters.set("DeleteAutomatedBackups", backups);
    }
    auto deleted = rds_.call("DeleteDBInstance", parameters);
    if (deleted) return NativeAnswer::succeeded(answer(identifier_, true, (*deleted)["DBInstance"], final_snapshot_));
    const Error& error = deleted.error();
    if (is_aws_error(error, "DBInstanceNotFound")) {
      // It was there a moment ago.
      SQ_TRY(const Value snapshot, made_snapshot());
      return NativeAnswer::succeeded(answer(identifier_, true, Value(), snapshot));
    }
    if (is_aws_error(error, "InvalidDBInstanceState")) return try_again(error.message());
    return fail(error);
  }

  // RDS refuses while the instance is being created or changed.
  Result<NativeAnswer> try_again(const std::string& reason) {
    const Duration left = time_left(call_, deadline_);
    if (left == Duration::zero()) {
      return fail(error_of(ErrorCode::kTimeout, "TimedOut",
                           "the DB instance " + identifier_ + " could not be deleted in time: " + reason));
    }
    const int64_t tries = call_.state["tries"].int_or(0) + 1;
    const Duration delay = std::min({kRetryMin * tries, kRetryMax, left});
    return NativeAnswer::wait_for(
        delay,
        Value::dict(
            {{"deadline", deadline_}, {"final_snapshot", final_snapshot_}, {"tries", tries}, {"reason", reason}}),
        "the DB instance " + identifier_ + " cannot be deleted yet: " + reason);
  }

  const NativeCall& call_;
  const clients::RdsClient& rds_;
  const std::string identifier_;
  const std::string deadline_;
  const Value final_snapshot_;
};

}  // namespace

Result<NativeAnswer> delete_instance(const NativeCall& call, const clients::RdsClient& rds) {
  return Deletion(call, rds).run();
}

}  // namespace squall::runners::aws
