// database.set_password with credentials.mode AWSManaged: RDS makes the password and keeps it in AWS Secrets Manager.
#include "runners/database/actions_impl.hpp"
#include "runners/database/names.hpp"

namespace squall::runners::database {
namespace {

using clients::is_aws_error;

constexpr Duration kPoll = std::chrono::seconds(2);
constexpr Duration kTimeout = std::chrono::minutes(30);

// Sees to it that RDS keeps the password, and that the rotation that was asked for is carried out once.
class ManagedPassword {
 public:
  ManagedPassword(const NativeCall& call, const clients::RdsClient& rds)
      : call_(call),
        rds_(rds),
        identifier_(call.parameters["plan"]["identifier"].string()),
        rotation_(call.parameters["rotation"].string()),
        sent_(call.state["sent"].string()) {
    const auto kept = parse_timestamp(call.state["deadline"].string_or(""));
    deadline_ = kept ? *kept : call.services.clock.now() + kTimeout;
  }

  Result<NativeAnswer> run() {
    const auto found = living_instance(rds_, identifier_);
    if (!found) return is_passing(found.error()) ? later(found.error().message()) : fail(found.error());
    const Value& record = *found;
    const std::string status = record["DBInstanceStatus"].string();
    if (status != "available") return later("it is " + status);
    const Value& secret = record["MasterUserSecret"];
    if (!secret["SecretArn"].truthy()) return send("ManageMasterUserPassword");
    if (const std::string_view state = secret["SecretStatus"].string_or("active"); state != "active")
      return later("its secret is " + std::string(state));
    if (rotation_.empty()) return answer(record, false);
    SQ_TRY(const Value tags, rds_.tags_of(record, record["DBInstanceArn"].string_or("")));
    if (tags[kRotationTag] == Value(rotation_)) return answer(record, sent_ == "RotateMasterUserPassword");
    if (sent_ != "RotateMasterUserPassword") return send("RotateMasterUserPassword");
    // The tag comes after it: a crash in between rotates twice, and never not at all.
    Value done = Value::empty_dict();
    done.set(kRotationTag, rotation_);
    SQ_CHECK(add_tags(rds_, record["DBInstanceArn"].string(), done));
    return answer(record, true);
  }

 private:
  Result<NativeAnswer> send(const std::string& what) {
    Value parameters = Value::dict({{"DBInstanceIdentifier", identifier_}, {"ApplyImmediately", true}});
    parameters.set(what, true);
    auto modified = rds_.call("ModifyDBInstance", parameters);
    if (!modified && !is_aws_error(modified.error(), "InvalidDBInstanceState")) return fail(modified.error());
    if (modified) sent_ = what;
    return later("AWS changes the password");
  }

  static Result<NativeAnswer> answer(const Value& record, bool rotated) {
    return NativeAnswer::succeeded(Value::dict(
        {{"changed", rotated}, {"rotated", rotated}, {"secret_arn", record["MasterUserSecret"]["SecretArn"]}}));
  }

  Result<NativeAnswer> later(const std::string& reason) {
    if (call_.services.clock.now() >= deadline_) {
      return fail(
          Error(ErrorCode::kTimeout, "AWS did not change the password of " + identifier_ + " in time: " + reason)
              .with_type("TimedOut"));
    }
    return NativeAnswer::wait_for(
        kPoll, Value::dict({{"sent", sent_}, {"deadline", format_timestamp(deadline_)}, {"reason", reason}}));
  }

  const NativeCall& call_;
  const clients::RdsClient& rds_;
  const std::string identifier_;
  const std::string rotation_;
  std::string sent_;
  Timestamp deadline_;
};

}  // namespace

Result<NativeAnswer> set_managed_password(const NativeCall& call, Services& services) {
  SQ_TRY(const clients::RdsClient rds, services.rds(call, call.parameters["plan"]));
  return ManagedPassword(call, rds).run();
}

}  // namespace squall::runners::database
