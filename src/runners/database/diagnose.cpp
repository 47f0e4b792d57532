#include "runners/database/diagnose.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "runners/database/names.hpp"
#include "runners/database/plan.hpp"

namespace squall::runners::database {
namespace {

// What stays outside when a chain stops: made by one of these tasks and not removed by another.
struct Trace {
  std::string_view made_by, removed_by, what;
};
constexpr Trace kTraces[] = {{"finalizer", "release", "the finalizer on the Database resource"},
                             {"password", "forget_credentials", "the password "},
                             {"instance", "instance_gone", "the RDS instance "},
                             {"endpoint", "unpublish", "the Consul keys under "}};

std::string trace_detail(const Trace& trace, const Value& plan) {
  if (trace.made_by == "password") {
    if (plan["keep"].is_dict()) return "in Vault at " + plan["keep"]["path"].string();
    return is_secret_only(plan) ? "in the Secret " + plan["secret"]["name"].string() : "in AWS Secrets Manager";
  }
  if (trace.made_by == "instance") return plan["identifier"].string();
  return trace.made_by == "endpoint" ? plan["consul"]["prefix"].string() : std::string();
}

bool is_error(const Value& result) { return result["error"].is_string(); }
bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool is_vault_step(std::string_view task) {
  return task == "password" || task == "stage" || task == "credentials" || task == "logins" ||
         task == "forget_logins" || task == "forget_credentials";
}
bool is_consul_step(std::string_view task) { return task == "endpoint" || task == "unpublish"; }

// The condition that a failing step is about; empty for those that are about none.
std::string_view condition_at(std::string_view task) {
  if (is_vault_step(task)) return "CredentialsPublished";
  if (is_consul_step(task)) return "EndpointPublished";
  if (task == "instance" || task == "available" || task == "adopt" || task == "modify" || task == "set_password")
    return "Provisioned";
  return {};
}

bool is_terminal(std::string_view reason) { return reason == "InvalidSpec"; }

Value condition(std::string_view type, std::string_view status, const std::string& reason, const std::string& message) {
  return Value::dict({{"type", type}, {"status", status}, {"reason", reason}, {"message", message}});
}

// AWS does not take the keys as they are.
bool is_bad_key(std::string_view code) {
  return code == "SignatureDoesNotMatch" || code == "InvalidClientTokenId" || code == "ExpiredToken" ||
         code == "UnrecognizedClientException" || code == "InvalidAccessKeyId" || code == "OptInRequired";
}

// Nobody has said where AWS is or who we are.
bool is_unset(std::string_view code) {
  return code == "NoRegion" || code == "NoCredentials" || code == "ProfileNotFound" || code == "PartialCredentials";
}

std::string vault_reason(std::string_view code, std::string_view message) {
  if (has(code, "Sealed") || has(to_lower(message), "sealed")) return "VaultSealed";
  if (code == "permission_denied" || has(code, "Denied") || code == "VaultLoginRefused" ||
      code == "VaultWrappingTokenUsed")
    return "VaultDenied";
  if (code == "VaultNotConfigured") return "VaultNotConfigured";
  if (code == "VaultCannotConnect") return "VaultCannotConnect";
  if (code == "VaultError" || code == "NotFound" || code == "KvVersion1" || code == "RootPasswordLost")
    return "VaultRefused";
  return "VaultUnavailable";
}

Value left_behind(const Value& results, const Value& plan) {
  Value left = Value::empty_list();
  const bool deleting = results.contains("unpublish") || results.contains("instance_gone");
  for (const Trace& trace : kTraces) {
    const Value& made = results[trace.made_by];
    const Value& removed = results[trace.removed_by];
    // In a deletion chain nothing was made, but what is not yet removed is still there.
    const bool exists = made.is_null() ? deleting && trace.made_by != "finalizer" : !is_error(made);
    if (!exists || (!removed.is_null() && !is_error(removed))) continue;
    left.push_back(std::string(trace.what) + trace_detail(trace, plan));
  }
  return left;
}

// RDS being busy for a moment is nothing to alarm anybody with.
bool is_worth_telling(const std::string& reason, int64_t attempt) {
  constexpr int64_t kQuietThrottles = 5;  // with the usual delays about two and a half minutes
  return reason != "Throttled" || attempt >= kQuietThrottles;
}

// An application can go on connecting while a repair, a rotation or a publication fails; then Ready stays as it is.
bool stays_ready(const Failure& failure, const std::string& reason) {
  if (!condition_is(failure.object, "Ready", "True")) return false;
  const bool same_generation =
      failure.object["status"]["observedGeneration"] == failure.object["metadata"]["generation"];
  return same_generation && !is_terminal(reason) && reason != "InstanceFailed" &&
         failure.plan["doing"].string_or("") != "Deleting";
}

Value conditions_of(const Failure& failure, const std::string& task, const std::string& reason,
                    const std::string& message) {
  Value conditions = Value::empty_list();
  if (!stays_ready(failure, reason)) conditions.push_back(condition("Ready", "False", reason, message));
  conditions.push_back(condition("Synced", "False", reason, message));
  if (const std::string_view type = condition_at(task); !type.empty() && !condition_is(failure.object, type, "True"))
    conditions.push_back(condition(type, "False", reason, message));
  return conditions;
}

Value status_of(const Failure& failure, const std::string& task, const std::string& reason,
                const std::string& next_try) {
  Value status = Value::dict(
      {{"nextTry", next_try.empty() ? Value() : Value(next_try)}, {"execution", Value::dict({{"step", task}})}});
  if (!stays_ready(failure, reason)) status.set("phase", reason);
  if (is_terminal(reason)) status.set("refused", task == "plan" ? Value() : Value(wish_of(failure.plan)));
  return status;
}

}  // namespace

std::string reason_of(std::string_view task, std::string_view code, std::string_view message) {
  if (task == "plan") return "InvalidSpec";
  if (code == "NameTaken" || code == "InvalidSpec" || code == "TimedOut" || code == "AdoptionFailed" ||
      code == "ReferenceNotFound" || code == "PasswordUnusable")
    return std::string(code);
  if (is_vault_step(task)) return vault_reason(code, message);
  if (is_consul_step(task)) return has(code, "enied") ? "ConsulDenied" : "ConsulUnavailable";
  if (has(code, "AccessDenied") || code == "permission_denied" || has(code, "UnauthorizedOperation") ||
      is_bad_key(code))
    return "AccessDenied";
  if (is_unset(code)) return "AwsNotConfigured";
  if (has(code, "Quota") || has(code, "InsufficientDBInstanceCapacity") || has(code, "LimitExceeded"))
    return has(code, "Request") ? "Throttled" : "QuotaExceeded";
  if (has(code, "Throttl") || has(code, "SlowDown")) return "Throttled";
  if (code.starts_with("InvalidParameter") || code == "InvalidVPCNetworkStateFault" ||
      code == "StorageTypeNotSupported")
    return "InvalidSpec";
  // Something that the spec names is not there, or not yet.
  if (has(code, "NotFoundFault") || code == "DBSnapshotNotFound" || code == "PointInTimeRestoreNotEnabled" ||
      code == "DBSubnetGroupDoesNotCoverEnoughAZs" || code == "KMSKeyNotAccessibleFault")
    return "ReferenceNotFound";
  // A vault step's handle is resolved where it is used.
  if (has(code, "Vault")) return vault_reason(code, message);
  if (code == "timeout") return "TimedOut";
  if (code == "DBInstanceFailed") return "InstanceFailed";
  return "Failed";
}

int64_t retry_delay(std::string_view reason, int64_t attempt, const Value& retry) {
  const auto growing = [attempt](int64_t first, int64_t longest) {
    int64_t delay = std::max<int64_t>(1, first);
    for (int64_t i = 0; i < attempt && delay < longest; ++i) delay *= 2;
    return std::min(delay, std::max(first, longest));
  };
  if (reason == "QuotaExceeded") return growing(retry["quota_first"].int_or(300), retry["quota_longest"].int_or(1800));
  if (reason == "AccessDenied" || reason == "VaultDenied" || reason == "ConsulDenied" || reason == "NameTaken" ||
      reason == "AdoptionFailed" || reason == "ReferenceNotFound" || reason == "InstanceFailed" ||
      reason == "PasswordUnusable" || reason == "VaultCannotConnect" || reason == "VaultRefused") {
    return growing(retry["denied"].int_or(300), retry["denied"].int_or(300));
  }
  return growing(retry["first"].int_or(5), retry["longest"].int_or(300));
}

Value diagnose(const Failure& failure) {
  std::string task, code, message;
  for (const auto& [name, result] : failure.results.is_dict() ? failure.results.as_dict() : Dict()) {
    if (!is_error(result) || name == "mark_failed") continue;
    task = name;
    code = result["code"].string();
    message = result["error"].string();
  }
  std::string reason = task.empty() ? "Failed" : reason_of(task, code, message);
  if (is_secret_only(failure.plan) && reason.starts_with("Vault"))
    reason = reason == "VaultDenied" ? "SecretDenied" : "SecretUnavailable";
  const bool terminal = is_terminal(reason);
  const int64_t delay = retry_delay(reason, failure.attempt, failure.retry);
  const std::string next_try = terminal ? "" : kubernetes_time(failure.now + std::chrono::seconds(delay));
  std::string text = task.empty() ? "The chain failed." : "Step '" + task + "' failed: " + message;
  // The time of the next try is in status.nextTry: a message that changed with every try would tell nothing new each
  // time.
  text += terminal ? "; it is tried again when the spec changes" : "; squall tries again by itself";
  const bool worth_telling = is_worth_telling(reason, failure.attempt);
  return Value::dict(
      {{"task", task},
       {"code", code},
       {"reason", reason},
       {"message", text},
       {"left_behind", left_behind(failure.results, failure.plan)},
       {"terminal", terminal},
       {"delay", delay},
       {"status", status_of(failure, task, reason, next_try)},
       {"conditions", worth_telling ? conditions_of(failure, task, reason, text) : Value::empty_list()},
       {"event", worth_telling ? Value::dict({{"type", "Warning"}, {"reason", reason}, {"note", text}}) : Value()}});
}

}  // namespace squall::runners::database
