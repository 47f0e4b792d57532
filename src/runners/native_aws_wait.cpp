// aws.rds_wait_db_instance: minutes of waiting that hold no thread and survive a restart. Many waiters share one look.
#include <algorithm>

#include "runners/native_aws_common.hpp"

namespace squall::runners::aws {
namespace {

constexpr int64_t kPollSeconds = 30;
constexpr int64_t kTimeoutSeconds = 3600;
// An instance that was just created is not always found at once.
constexpr Duration kAppearsWithin = std::chrono::minutes(2);
constexpr size_t kWalkMax = 200;   // changes of the status that are kept, the first ones
constexpr size_t kEventsMax = 10;  // messages of RDS that a failure shows, the last ones
constexpr int kFirstPollsSeconds[] = {2, 5, 10, 20};

// No instance leaves these by itself.
bool is_failed(std::string_view status) {
  constexpr std::string_view kFailed[] = {"failed",
                                          "restore-error",
                                          "insufficient-capacity",
                                          "inaccessible-encryption-credentials",
                                          "inaccessible-encryption-credentials-recoverable",
                                          "storage-full",
                                          "deleting",
                                          "deleted"};
  return status.starts_with("incompatible-") ||
         std::find(std::begin(kFailed), std::end(kFailed), status) != std::end(kFailed);
}

class Waiting {
 public:
  Waiting(const NativeCall& call, const clients::RdsClient& rds)
      : call_(call),
        rds_(rds),
        identifier_(call.parameters["db_instance_identifier"].string()),
        target_(call.parameters["target"].string_or("available")),
        started_(call.state["started"].is_string() ? call.state["started"].string()
                                                   : format_timestamp(call.services.clock.now())),
        deadline_(deadline_text(call, call.parameters["timeout"].int_or(kTimeoutSeconds))),
        polls_(call.state["polls"].int_or(0) + 1),
        walk_(call.state["walk"].is_list() ? call.state["walk"] : Value::empty_list()) {}

  Result<NativeAnswer> run() {
    if (target_ != "available" && target_ != "deleted") {
      return fail(error_of(ErrorCode::kInvalid, "InvalidParameter", "`target` must be available or deleted"));
    }
    auto found = rds_.watch_instance(identifier_, delay() / 2);
    if (!found) {
      // AWS is away for a while: that is what waiting is for.
      const ErrorCode code = found.error().code();
      if (code == ErrorCode::kUnavailable || code == ErrorCode::kTimeout) return poll_later(found.error().message());
      return fail(std::move(found).error());
    }
    return target_ == "deleted" ? look_for_end(*found) : look_for_start(*found);
  }

 private:
  Result<NativeAnswer> look_for_start(const Value& record) {
    if (record.is_null()) {
      if (walk_.empty() && waited() < kAppearsWithin) return poll_later("it is not there yet");
      return failure("DBInstanceNotFound",
                     "the DB instance " + identifier_ + (walk_.empty() ? " does not exist" : " is gone"), record);
    }
    const std::string status = note_status(record);
    if (status == "available" && !record["Endpoint"]["Address"].empty()) return success(instance_summary(record));
    if (is_failed(status)) {
      return failure("DBInstanceFailed",
                     "the DB instance " + identifier_ + " is " + status + " and will not become available", record);
    }
    return poll_later("it is " + status);
  }

  Result<NativeAnswer> look_for_end(const Value& record) {
    if (record.is_null()) {
      note("deleted");
      return success(Value::dict({{"db_instance_identifier", identifier_}, {"status", "deleted"}}));
    }
    const bool was_deleting = walk_.size() > 0 && walk_[walk_.size() - 1]["status"].string_or("") == "deleting";
    const std::string status = note_status(record);
    if (was_deleting && status != "deleting") {
      return failure("DeletionFailed",
                     "the deletion of the DB instance " + identifier_ + " ended with status " + status, record);
    }
    return poll_later("it is " + status);
  }

  std::string note_status(const Value& record) {
    const std::string status = record["DBInstanceStatus"].string();
    note(status);
    return status;
  }
  void note(const std::string& status) {
    if (walk_.size() > 0 && walk_[walk_.size() - 1]["status"].string_or("") == status) return;
    if (walk_.size() >= kWalkMax) return;
    walk_.push_back(Value::dict({{"status", status}, {"time", format_timestamp(call_.services.clock.now())}}));
  }

  Duration waited() const {
    const auto start = parse_timestamp(started_);
    return start ? call_.services.clock.now() - *start : Duration::zero();
  }

  Result<NativeAnswer> success(Value result) {
    add_record(result);
    return NativeAnswer::succeeded(std::move(result));
  }

  Result<NativeAnswer> failure(const char* code, std::string message, const Value& record) {
    const Value events = last_events();
    for (const Value& event : events.as_list()) message += "; " + event["message"].string();
    Value result =
        Value::dict({{"error", message}, {"code", code}, {"status", record["DBInstanceStatus"]}, {"events", events}});
    add_record(result);
    return NativeAnswer::failure(std::move(result));
  }

  void add_record(Value& result) const {
    result.set("target", target_);
    result.set("walk", walk_);
    result.set("polls", polls_);
    result.set("waited_seconds", std::chrono::duration_cast<std::chrono::seconds>(waited()).count());
  }

  // What RDS has to say about the instance. Never the reason to fail: an account may lack the right to ask.
  Value last_events() const {
    Value events = Value::empty_list();
    const auto answer =
        rds_.call("DescribeEvents",
                  Value::dict({{"SourceIdentifier", identifier_}, {"SourceType", "db-instance"}, {"Duration", 1440}}));
    if (!answer || !(*answer)["Events"].is_list()) return events;
    const List& all = (*answer)["Events"].as_list();
    for (size_t i = all.size() > kEventsMax ? all.size() - kEventsMax : 0; i < all.size(); ++i) {
      events.push_back(Value::dict({{"time", all[i]["Date"]}, {"message", all[i]["Message"]}}));
    }
    return events;
  }

  Result<NativeAnswer> poll_later(const std::string& reason) {
    const Duration left = time_left(call_, deadline_);
    if (left == Duration::zero()) {
      return failure("TimedOut",
                     "the DB instance " + identifier_ + " did not become " + target_ + " in time: " + reason, Value());
    }
    return NativeAnswer::wait_for(
        std::min(delay(), left),
        Value::dict(
            {{"started", started_}, {"deadline", deadline_}, {"polls", polls_}, {"walk", walk_}, {"reason", reason}}),
        "the DB instance " + identifier_ + " shall be " + target_ + ": " + reason);
  }

  // Quick looks at first, then `poll_interval`, give or take a tenth, so that many databases do not ask in step.
  Duration delay() const {
    const Duration interval =
        std::chrono::seconds(std::max<int64_t>(1, call_.parameters["poll_interval"].int_or(kPollSeconds)));
    const auto number = static_cast<size_t>(polls_ - 1);
    if (number < std::size(kFirstPollsSeconds))
      return std::min<Duration>(interval, std::chrono::seconds(kFirstPollsSeconds[number]));
    const auto tenth = static_cast<uint64_t>(interval.count() / 10);
    return interval - interval / 10 + Duration(static_cast<int64_t>(call_.services.random.below(2 * tenth + 1)));
  }

  const NativeCall& call_;
  const clients::RdsClient& rds_;
  const std::string identifier_;
  const std::string target_;
  const std::string started_;
  const std::string deadline_;
  const int64_t polls_;
  Value walk_;
};

}  // namespace

Result<NativeAnswer> wait_instance(const NativeCall& call, const clients::RdsClient& rds) {
  return Waiting(call, rds).run();
}

}  // namespace squall::runners::aws
