#include "clients/aws/rds_client.hpp"

#include "clients/aws/rds_shapes.hpp"

namespace squall::clients {
namespace {

bool has_ended(const Error& error) { return error.type() == "ExpiredToken" || error.type() == "ExpiredTokenException"; }

}  // namespace

bool is_aws_error(const Error& error, std::string_view code) {
  std::string_view type = error.type();
  constexpr std::string_view kFault = "Fault";
  if (type.ends_with(kFault)) type.remove_suffix(kFault.size());
  if (code.ends_with(kFault)) code.remove_suffix(kFault.size());
  return type == code;
}

Result<Value> RdsClient::call(const std::string& action, const Value& parameters) const {
  const FormParameters form = rds_form(parameters);
  auto result = query_->call(action, form, &credentials_, stop_);
  if (!result && has_ended(result.error()) && renew_) {
    auto fresh = renew_(credentials_);
    if (!fresh) return fail(fresh.error().with_context("the AWS credentials have ended, and renewing them failed"));
    if (fresh->session_token != credentials_.session_token) result = query_->call(action, form, &*fresh, stop_);
  }
  if (!result) return fail(std::move(result).error());
  return rds_value(*result);
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

Result<Value> RdsClient::watch_instance(const std::string& identifier, Duration age_max) const {
  return board_->look(
      identifier, age_max, [this](std::string_view name) { return find_instance(name); },
      [this] {
        return call_all("DescribeDBInstances", "DBInstances", Value::dict({{"MaxRecords", 100}}));
      });
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

AwsClients::AwsClients(net::HttpClient& http, const Clock& clock, Random& random, ProgramRunner run_program)
    : http_(http), clock_(clock), random_(random), credentials_(http, clock, random, std::move(run_program)) {}

Result<AwsSettings> AwsClients::settings_of(const Value& config, const std::string& region,
                                            const Environment& environment, const StopToken& stop) {
  auto settings = AwsSettings::read(config, region, environment);
  if (settings || settings.error().type() != "NoRegion") return settings;
  const std::string here = credentials_.region_of_instance(environment, stop);
  return here.empty() ? settings : AwsSettings::read(config, here, environment);
}

Result<RdsClient> AwsClients::rds(const Value& config, const std::string& region, const Environment& environment,
                                  StopToken stop) {
  SQ_TRY(const AwsSettings settings, settings_of(config, region, environment, stop));
  SQ_TRY(const AwsCredentials credentials, credentials_.get(settings, environment, stop));
  const std::string key = settings.endpoint_url + "\n" + settings.region + "\n" + settings.ca_file;
  // Temporary keys change, and so does their name; what stays is how they were found.
  const std::string identity = key + "\n" + settings.profile + "\n" +
                               (credentials.expires ? environment("AWS_ROLE_ARN") : credentials.keys.access_key);
  RdsClient::Renew renew = [this, settings, environment,
                            stop](const crypto::Credentials& old) -> Result<crypto::Credentials> {
    credentials_.forget(old.access_key);
    SQ_TRY(AwsCredentials fresh, credentials_.get(settings, environment, stop));
    return std::move(fresh.keys);
  };
  const std::lock_guard lock(mutex_);
  auto& client = clients_[key];
  if (client == nullptr) {
    client = std::make_shared<AwsQueryClient>(
        http_, AwsService{"rds", "2014-10-31", settings.endpoint_url, settings.region, settings.ca_file}, clock_,
        random_);
  }
  auto& board = boards_[identity];
  if (board == nullptr) board = std::make_shared<RdsStatusBoard>(clock_);
  return RdsClient(client, board, credentials.keys, std::move(renew), std::move(stop));
}

}  // namespace squall::clients
