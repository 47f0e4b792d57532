#include "clients/aws/rds_client.hpp"

#include "clients/aws/rds_shapes.hpp"

namespace squall::clients {

bool is_aws_error(const Error& error, std::string_view code) {
  std::string_view type = error.type();
  constexpr std::string_view kFault = "Fault";
  if (type.ends_with(kFault)) type.remove_suffix(kFault.size());
  if (code.ends_with(kFault)) code.remove_suffix(kFault.size());
  return type == code;
}

Result<Value> RdsClient::call(const std::string& action, const Value& parameters) const {
  SQ_TRY(const XmlElement result, query_->call(action, rds_form(parameters), &credentials_, stop_));
  return rds_value(result);
}

Result<Value> RdsClient::call_all(const std::string& action, const std::string& list, Value parameters) const {
  Value all = Value::empty_list();
  for (size_t page = 0; page < kRdsPagesMax; ++page) {
    SQ_TRY(const Value answer, call(action, parameters));
    if (answer[list].is_list()) {
      for (const Value& record : answer[list].as_list()) all.push_back(record);
    }
    const std::string_view marker = answer["Marker"].string_or("");
    if (marker.empty()) return all;
    parameters.set("Marker", marker);
  }
  return fail(ErrorCode::kLimit,
              "rds " + action + ": more than " + std::to_string(kRdsPagesMax) + " pages; use filters");
}

Result<Value> RdsClient::find_instance(std::string_view identifier) const {
  auto answer = call("DescribeDBInstances", Value::dict({{"DBInstanceIdentifier", identifier}}));
  if (!answer && is_aws_error(answer.error(), "DBInstanceNotFound")) return Value();
  if (!answer) return answer;
  return (*answer)["DBInstances"][0];
}

Result<Value> RdsClient::find_snapshot(std::string_view identifier) const {
  auto answer = call("DescribeDBSnapshots", Value::dict({{"DBSnapshotIdentifier", identifier}}));
  if (!answer && is_aws_error(answer.error(), "DBSnapshotNotFound")) return Value();
  if (!answer) return answer;
  return (*answer)["DBSnapshots"][0];
}

Result<Value> RdsClient::tags_of(const Value& record, std::string_view arn) const {
  Value list = record["TagList"];
  if (!list.is_list() && !arn.empty()) {
    SQ_TRY(const Value answer, call("ListTagsForResource", Value::dict({{"ResourceName", arn}})));
    list = answer["TagList"];
  }
  Value tags = Value::empty_dict();
  if (list.is_list()) {
    for (const Value& tag : list.as_list()) tags.set(tag["Key"].string_or(""), tag["Value"].string_or(""));
  }
  return tags;
}

AwsClients::AwsClients(net::HttpClient& http, const Clock& clock, Random& random)
    : http_(http), clock_(clock), random_(random), credentials_(http, clock, random) {}

Result<RdsClient> AwsClients::rds(const Value& config, std::string_view region, const Environment& environment,
                                  StopToken stop) {
  SQ_TRY(const AwsSettings settings, AwsSettings::read(config, region, environment));
  SQ_TRY(const AwsCredentials credentials, credentials_.get(settings, environment, stop));
  const std::string key = settings.endpoint_url + "\n" + settings.region + "\n" + settings.ca_file;
  const std::lock_guard lock(mutex_);
  auto& client = clients_[key];
  if (client == nullptr) {
    client = std::make_shared<AwsQueryClient>(
        http_, AwsService{"rds", "2014-10-31", settings.endpoint_url, settings.region, settings.ca_file}, clock_,
        random_);
  }
  return RdsClient(client, credentials.keys, std::move(stop));
}

}  // namespace squall::clients
