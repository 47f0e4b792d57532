// What the files of the aws actions share.
#pragma once

#include <span>

#include "clients/aws/rds_client.hpp"
#include "runners/native.hpp"

namespace squall::runners::aws {

// The clients of one registration, made at the first call.
class Clients {
 public:
  Result<clients::RdsClient> rds(const NativeCall& call);

 private:
  std::mutex mutex_;
  std::unique_ptr<clients::AwsClients> clients_;
};

inline constexpr std::string_view kOwnerTag = "squall.dev/uid";

// A parameter of ours and the API's name for it.
struct Field {
  const char* parameter;
  const char* api_name;
};

// The API's parameters for those fields that are given, with `parameters` (raw ones) put over them. Passwords may be
// secretref handles; they are masked in logs from here on.
Result<Value> api_parameters(const NativeCall& call, std::span<const Field> fields);

// {"a": "b"} -> [{"Key": "a", "Value": "b"}]
Value tag_list(const Value& tags);

// The parts of an instance that callers need, in our names, and AWS's whole record as `db_instance`.
Value instance_summary(const Value& record);
Value snapshot_summary(const Value& record);

Error error_of(ErrorCode code, const char* type, std::string message);

// A deadline `seconds` from now as text for the wait state, or the one that the state has.
std::string deadline_text(const NativeCall& call, int64_t seconds);
// What is left of it, not below zero.
Duration time_left(const NativeCall& call, const std::string& deadline);

// Fails with NameTaken unless the record, of an instance or a snapshot, has tag `owner_tag` with the value `owner`.
Status check_owner(const clients::RdsClient& rds, const Value& record, std::string_view owner_tag,
                   std::string_view owner);

// The same with the parameters `owner_uid` and `owner_tag`; nothing when there is no owner_uid.
Status check_owner_if_asked(const NativeCall& call, const clients::RdsClient& rds, const Value& record);

using Action = Result<NativeAnswer> (*)(const NativeCall& call, const clients::RdsClient& rds);
Result<NativeAnswer> create_instance(const NativeCall& call, const clients::RdsClient& rds);
Result<NativeAnswer> describe_instance(const NativeCall& call, const clients::RdsClient& rds);
Result<NativeAnswer> describe_instances(const NativeCall& call, const clients::RdsClient& rds);
Result<NativeAnswer> modify_instance(const NativeCall& call, const clients::RdsClient& rds);
Result<NativeAnswer> delete_instance(const NativeCall& call, const clients::RdsClient& rds);
Result<NativeAnswer> wait_instance(const NativeCall& call, const clients::RdsClient& rds);
Result<NativeAnswer> create_snapshot(const NativeCall& call, const clients::RdsClient& rds);
Result<NativeAnswer> describe_snapshots(const NativeCall& call, const clients::RdsClient& rds);
Result<NativeAnswer> delete_snapshot(const NativeCall& call, const clients::RdsClient& rds);

}  // namespace squall::runners::aws
