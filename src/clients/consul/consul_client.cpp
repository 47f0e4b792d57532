#include "clients/consul/consul_client.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "value/json.hpp"

namespace squall::clients {
namespace {

constexpr Duration kConnectTimeout = std::chrono::seconds(5);

struct Kind {
  ErrorCode code;
  const char* type;
};

// Consul answers 500 for what may work later and for what never will; its words tell them apart.
Kind kind_of_500(const std::string& text) {
  const std::string lower = to_lower(text);
  const auto says = [&](std::initializer_list<const char*> parts) {
    return std::any_of(parts.begin(), parts.end(),
                       [&](const char* part) { return lower.find(part) != std::string::npos; });
  };
  if (says({"invalid session", "session not found", "unknown session"})) return {ErrorCode::kNotFound, "SessionLost"};
  if (says({"no cluster leader", "leadership lost", "leadership transfer", "not the leader", "no leader"}))
    return {ErrorCode::kUnavailable, "ConsulNoLeader"};
  if (text.empty() ||
      says({"no known consul servers", "no path to datacenter", "connection refused", "connection reset", "i/o timeout",
            "eof", "deadline", "shutting down", "shutdown", "unavailable", "too busy"})) {
    return {ErrorCode::kUnavailable, "ConsulUnavailable"};
  }
  return {ErrorCode::kRemote, "ConsulError"};
}

Kind kind_of(int status, const std::string& text) {
  if (status == 403 || status == 401) return {ErrorCode::kPermissionDenied, "AccessDenied"};
  if (status == 404) return {ErrorCode::kNotFound, "NotFound"};
  if (status == 413) return {ErrorCode::kLimit, "ValueTooLarge"};
  if (status == 429) return {ErrorCode::kUnavailable, "ConsulRateLimited"};
  if (status == 500) return kind_of_500(text);
  if (status > 500) return {ErrorCode::kUnavailable, "ConsulUnavailable"};
  return {ErrorCode::kRemote, "ConsulError"};
}

Error status_error(const net::HttpResponse& response, const std::string& what) {
  const std::string detail = mask_secrets(std::string(trim(response.body)).substr(0, 300));
  const Kind kind = kind_of(response.status, detail);
  return Error(kind.code,
               what + ": Consul answered " + std::to_string(response.status) + (detail.empty() ? "" : ": " + detail))
      .with_type(kind.type)
      .with_http_status(response.status);
}

Result<ConsulEntry> read_entry(const Value& document) {
  ConsulEntry entry;
  entry.key = document["Key"].string();
  entry.modify_index = document["ModifyIndex"].int_or(0);
  entry.create_index = document["CreateIndex"].int_or(0);
  entry.lock_index = document["LockIndex"].int_or(0);
  entry.flags = document["Flags"].int_or(0);
  entry.session = document["Session"].string();
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

void add_parameter(std::string& query, const std::string& parameter) {
  if (parameter.empty()) return;
  query += (query.empty() ? "" : "&") + parameter;
}

std::string kv_path(const std::string& key) { return "kv/" + percent_encode(key, true); }

}  // namespace

Result<net::HttpResponse> ConsulClient::send(Call call, StopToken stop) {
  net::HttpRequest request;
  request.method = call.method;
  const std::pair<const char*, const std::string*> scopes[] = {
      {"dc=", &settings_.datacenter}, {"ns=", &settings_.name_space}, {"partition=", &settings_.partition}};
  for (const auto& [name, value] : scopes) {
    if (!value->empty()) add_parameter(call.query, name + percent_encode(*value));
  }
  request.url = settings_.address + "/v1/" + call.path + (call.query.empty() ? "" : "?" + call.query);
  if (!settings_.token.empty()) request.headers.set("X-Consul-Token", settings_.token);
  request.body = std::move(call.body);
  request.tls = settings_.tls;
  request.timeout = call.timeout;
  request.connect_timeout = kConnectTimeout;
  auto response = http_.call(std::move(request), stop);
  if (response) return response;
  const Error error = response.error().with_context("Consul at " + settings_.address);
  const bool away =
      error.type().empty() && (error.code() == ErrorCode::kUnavailable || error.code() == ErrorCode::kTimeout);
  return fail(away ? error.with_type("ConsulUnavailable") : error);
}

Result<net::HttpResponse> ConsulClient::expect(Call call, const std::string& what, StopToken stop) {
  SQ_TRY(net::HttpResponse response, send(std::move(call), stop));
  if (response.status != 200) return fail(status_error(response, what));
  return response;
}

// ------------------------------------------------------------ keys

Result<std::optional<ConsulEntry>> ConsulClient::get(const std::string& key, StopToken stop) {
  BlockingQuery at_once(std::chrono::seconds(1));
  return watch(key, at_once, stop);
}

Result<std::optional<ConsulEntry>> ConsulClient::watch(const std::string& key, BlockingQuery& query, StopToken stop) {
  SQ_TRY(const net::HttpResponse response,
         send({"GET", kv_path(key), query.parameters(), "", query.http_timeout()}, stop));
  if (response.status != 200 && response.status != 404) return fail(status_error(response, "reading " + key));
  query.take(parse_int(response.headers.get("X-Consul-Index")).value_or(0));
  if (response.status == 404) return std::optional<ConsulEntry>();
  SQ_TRY(const Value body, parse_json(response.body));
  SQ_TRY(ConsulEntry entry, read_entry(body[0]));
  return std::optional<ConsulEntry>(std::move(entry));
}

Result<std::vector<ConsulEntry>> ConsulClient::list(const std::string& prefix, StopToken stop) {
  SQ_TRY(const net::HttpResponse response, send({"GET", kv_path(prefix), "recurse", ""}, stop));
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

Result<bool> ConsulClient::put(const std::string& key, const std::string& value, const ConsulWrite& how,
                               StopToken stop) {
  if (value.size() > kConsulValueBytesMax) {
    return fail(Error(ErrorCode::kLimit, "writing " + key + ": the value has " + std::to_string(value.size()) +
                                             " bytes, and Consul takes 512 KiB at most")
                    .with_type("ValueTooLarge"));
  }
  std::string query;
  if (how.cas) add_parameter(query, "cas=" + std::to_string(*how.cas));
  if (how.flags != 0) add_parameter(query, "flags=" + std::to_string(how.flags));
  if (!how.acquire.empty()) add_parameter(query, "acquire=" + percent_encode(how.acquire));
  if (!how.release.empty()) add_parameter(query, "release=" + percent_encode(how.release));
  SQ_TRY(const net::HttpResponse response, expect({"PUT", kv_path(key), query, value}, "writing " + key, stop));
  return trim(response.body) == "true";
}

Result<bool> ConsulClient::remove(const std::string& key, std::optional<int64_t> cas, StopToken stop) {
  const std::string query = cas ? "cas=" + std::to_string(*cas) : std::string();
  SQ_TRY(const net::HttpResponse response, expect({"DELETE", kv_path(key), query, ""}, "deleting " + key, stop));
  return trim(response.body) == "true";
}

Status ConsulClient::remove_tree(const std::string& prefix, StopToken stop) {
  return expect({"DELETE", kv_path(prefix), "recurse", ""}, "deleting " + prefix, stop).map([](const auto&) {});
}

// ------------------------------------------------------------ transactions

Result<Value> ConsulClient::transaction(const Value& operations, StopToken stop) {
  if (operations.size() > kConsulTxnOperationsMax) {
    return fail(ErrorCode::kLimit,
                "a Consul transaction has at most 64 operations, this one has " + std::to_string(operations.size()));
  }
  SQ_TRY(const net::HttpResponse response, send({"PUT", "txn", "", to_json(operations)}, stop));
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

Status ConsulClient::check_leader(StopToken stop) {
  SQ_TRY(const net::HttpResponse response, expect({"GET", "status/leader", "", ""}, "asking for the leader", stop));
  if (trim(response.body) != "\"\"") return {};
  return fail(Error(ErrorCode::kUnavailable, "Consul has no leader").with_type("ConsulNoLeader"));
}

}  // namespace squall::clients
