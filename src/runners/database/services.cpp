#include "runners/database/services.hpp"

#include <algorithm>

namespace squall::runners::database {

Result<clients::RdsClient> Services::rds(const NativeCall& call, const Value& plan) {
  {
    const std::lock_guard lock(mutex_);
    if (aws_ == nullptr)
      aws_ = std::make_unique<clients::AwsClients>(call.services.http, call.services.clock, call.services.random,
                                                   call.services.run_program);
  }
  Value config =
      call.request.service_configs["aws"].is_dict() ? call.request.service_configs["aws"] : Value::empty_dict();
  const Value& provider = call.request.config["providers"][plan["provider"].string()];
  for (const auto& [name, value] : provider.is_dict() ? provider.as_dict() : Dict()) config.set(name, value);
  // A profile of the provider's own means its keys, not those that the pack aws has for everybody else.
  if (provider["profile"].truthy()) {
    for (const char* key : {"access_key_id", "secret_access_key", "session_token"}) config.set(key, Value());
  }
  return aws_->rds(config, "", call.services.environment, call.stop);
}

Result<clients::ConsulClient> Services::consul(const NativeCall& call) const {
  SQ_TRY(clients::ConsulSettings settings,
         clients::ConsulSettings::read(call.request.service_configs["consul"], Value(), call.services.environment));
  return clients::ConsulClient(call.services.http, std::move(settings));
}

Result<std::shared_ptr<kubernetes::Client>> Services::cluster(const NativeCall& call) const {
  const Value& config = call.request.service_configs["kubernetes"];
  return clusters_.get(config["kubeconfig"].string(), config["context"].string());
}

Result<ObjectTarget> target_of(Services& services, const NativeCall& call, const Value& reference) {
  ObjectTarget target;
  SQ_TRY(target.client, services.cluster(call));
  SQ_TRY(const kubernetes::ResourceInfo info,
         target.client->resolve(reference["api_version"].string(), reference["kind"].string(), call.stop));
  target.resource = info.id;
  target.resource.namespace_name = reference["namespace"].string();
  target.kind = info.kind;
  target.name = reference["name"].string();
  target.uid = reference["uid"].string();
  if (target.name.empty())
    return fail(Error(ErrorCode::kInvalid, "the reference to the object has no name").with_type("InvalidParameter"));
  return target;
}

std::string chain_of(const NativeCall& call) {
  const std::string parent = call.request.context["parent"]["execution_id"].string();
  return parent.empty() ? call.request.execution_id : parent;
}

bool is_passing(const Error& error) {
  return error.code() == ErrorCode::kUnavailable || error.code() == ErrorCode::kTimeout || error.http_status() >= 500 ||
         error.http_status() == 429;
}

Result<Value> living_instance(const clients::RdsClient& rds, const std::string& identifier) {
  SQ_TRY(Value record, rds.find_instance(identifier));
  if (!record.is_null()) return record;
  return fail(
      Error(ErrorCode::kNotFound, "the DB instance " + identifier + " is gone").with_type("DBInstanceNotFound"));
}

Duration growing_delay(int64_t tries, Duration first, Duration longest) {
  Duration delay = first;
  for (int64_t i = 0; i < tries && delay < longest; ++i) delay *= 2;
  return std::min(delay, longest);
}

}  // namespace squall::runners::database
