#include "clients/consul/consul_client.hpp"

#include "base/log.hpp"
#include "base/strings.hpp"
#include "value/json.hpp"

namespace squall::clients {
namespace {

constexpr Duration kTimeout = std::chrono::seconds(20);

Error status_error(const net::HttpResponse& response, const std::string& what) {
  const std::string detail = mask_secrets(std::string(trim(response.body)).substr(0, 300));
  ErrorCode code = ErrorCode::kRemote;
  const char* type = "ConsulError";
  if (response.status == 403) {
    code = ErrorCode::kPermissionDenied;
    type = "AccessDenied";
  } else if (response.status >= 500 || response.status == 429) {
    code = ErrorCode::kUnavailable;
    type = "ConsulUnavailable";
  }
  return Error(code,
               what + ": Consul answered " + std::to_string(response.status) + (detail.empty() ? "" : ": " + detail))
      .with_type(type)
      .with_http_status(response.status);
}

Result<ConsulEntry> read_entry(const Value& document) {
  ConsulEntry entry;
  entry.key = document["Key"].string();
  entry.modify_index = document["ModifyIndex"].int_or(0);
  SQ_TRY(entry.value, base64_decode(document["Value"].string_or("")));
  return entry;
}

std::string transaction_errors(const Value& body) {
  std::string text;
  for (const Value& error : body["Errors"].is_list() ? body["Errors"].as_list() : List()) {
    text += (text.empty() ? "" : "; ") + std::string("operation ") + std::to_string(error["OpIndex"].int_or(0)) + ": " +
            error["What"].string();
  }
  return text;
}

}  // namespace

ConsulSettings ConsulSettings::read(const Value& config,
                                    const std::function<std::string(const std::string&)>& environment) {
  const auto pick = [&](const char* name, const char* variable) {
    const std::string given = config[name].string();
    return given.empty() ? environment(variable) : given;
  };
  ConsulSettings settings;
  settings.address = pick("address", "CONSUL_HTTP_ADDR");
  settings.token = pick("token", "CONSUL_HTTP_TOKEN");
  settings.ca_file = pick("ca_file", "CONSUL_CACERT");
  settings.datacenter = config["datacenter"].string();
  if (settings.address.empty()) settings.address = "127.0.0.1:8500";
  if (settings.address.find("://") == std::string::npos) {
    const std::string tls = to_lower(environment("CONSUL_HTTP_SSL"));
    settings.address = (tls == "true" || tls == "1" ? "https://" : "http://") + settings.address;
  }
  while (settings.address.ends_with("/")) settings.address.pop_back();
  add_log_secret(settings.token);
  return settings;
}

Result<net::HttpResponse> ConsulClient::send(const std::string& method, const std::string& path,
                                             const std::string& query, std::string body, StopToken stop) {
  net::HttpRequest request;
  request.method = method;
  std::string parameters = query;
  if (!settings_.datacenter.empty())
    parameters += (parameters.empty() ? "" : "&") + std::string("dc=") + percent_encode(settings_.datacenter);
  request.url = settings_.address + "/v1/" + path + (parameters.empty() ? "" : "?" + parameters);
  if (!settings_.token.empty()) request.headers.set("X-Consul-Token", settings_.token);
  request.body = std::move(body);
  request.tls.ca_file = settings_.ca_file;
  request.timeout = kTimeout;
  auto response = http_.call(std::move(request), stop);
  if (!response)
    return fail(response.error().with_context("Consul at " + settings_.address).with_type("ConsulUnavailable"));
  return response;
}

Result<std::optional<ConsulEntry>> ConsulClient::get(const std::string& key, StopToken stop) {
  SQ_TRY(const net::HttpResponse response, send("GET", "kv/" + percent_encode(key, true), "", "", stop));
  if (response.status == 404) return std::optional<ConsulEntry>();
  if (response.status != 200) return fail(status_error(response, "reading " + key));
  SQ_TRY(const Value body, parse_json(response.body));
  SQ_TRY(ConsulEntry entry, read_entry(body[0]));
  return std::optional<ConsulEntry>(std::move(entry));
}

Result<std::vector<ConsulEntry>> ConsulClient::list(const std::string& prefix, StopToken stop) {
  SQ_TRY(const net::HttpResponse response, send("GET", "kv/" + percent_encode(prefix, true), "recurse", "", stop));
  std::vector<ConsulEntry> entries;
  if (response.status == 404) return entries;
  if (response.status != 200) return fail(status_error(response, "listing " + prefix));
  SQ_TRY(const Value body, parse_json(response.body));
  for (const Value& document : body.is_list() ? body.as_list() : List()) {
    SQ_TRY(ConsulEntry entry, read_entry(document));
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<bool> ConsulClient::put(const std::string& key, const std::string& value, std::optional<int64_t> cas,
                               StopToken stop) {
  const std::string query = cas ? "cas=" + std::to_string(*cas) : std::string();
  SQ_TRY(const net::HttpResponse response, send("PUT", "kv/" + percent_encode(key, true), query, value, stop));
  if (response.status != 200) return fail(status_error(response, "writing " + key));
  return trim(response.body) == "true";
}

Result<bool> ConsulClient::remove(const std::string& key, std::optional<int64_t> cas, StopToken stop) {
  const std::string query = cas ? "cas=" + std::to_string(*cas) : std::string();
  SQ_TRY(const net::HttpResponse response, send("DELETE", "kv/" + percent_encode(key, true), query, "", stop));
  if (response.status != 200) return fail(status_error(response, "deleting " + key));
  return trim(response.body) == "true";
}

Status ConsulClient::remove_tree(const std::string& prefix, StopToken stop) {
  SQ_TRY(const net::HttpResponse response, send("DELETE", "kv/" + percent_encode(prefix, true), "recurse", "", stop));
  if (response.status != 200) return fail(status_error(response, "deleting " + prefix));
  return {};
}

Result<Value> ConsulClient::transaction(const Value& operations, StopToken stop) {
  if (operations.size() > kConsulTxnOperationsMax) {
    return fail(ErrorCode::kLimit,
                "a Consul transaction has at most 64 operations, this one has " + std::to_string(operations.size()));
  }
  SQ_TRY(const net::HttpResponse response, send("PUT", "txn", "", to_json(operations), stop));
  auto body = parse_json(response.body);
  if (response.status == 409) {
    return fail(Error(ErrorCode::kConflict,
                      "Consul refused the transaction: " + (body ? transaction_errors(*body) : response.body))
                    .with_type("TransactionRefused")
                    .with_http_status(409));
  }
  if (response.status != 200) return fail(status_error(response, "transaction"));
  if (!body) return fail(body.error());
  return (*body)["Results"];
}

Status ConsulClient::register_catalog(const Value& registration, StopToken stop) {
  SQ_TRY(const net::HttpResponse response, send("PUT", "catalog/register", "", to_json(registration), stop));
  if (response.status != 200) return fail(status_error(response, "registering " + registration["Node"].string()));
  return {};
}

Status ConsulClient::deregister_catalog(const Value& deregistration, StopToken stop) {
  SQ_TRY(const net::HttpResponse response, send("PUT", "catalog/deregister", "", to_json(deregistration), stop));
  if (response.status != 200) return fail(status_error(response, "deregistering " + deregistration["Node"].string()));
  return {};
}

}  // namespace squall::clients
