#include "cli/api_client.hpp"

#include "base/strings.hpp"
#include "value/json.hpp"

namespace squall::cli {
namespace {

std::string with_query(std::string url, const Query& query) {
  char separator = '?';
  for (const auto& [name, value] : query) {
    url += separator + percent_encode(name) + "=" + percent_encode(value);
    separator = '&';
  }
  return url;
}

ErrorCode code_of(int status) {
  if (status == 404) return ErrorCode::kNotFound;
  return status >= 500 ? ErrorCode::kRemote : ErrorCode::kInvalid;
}

}  // namespace

Result<Value> ApiClient::send(const std::string& method, const std::string& path, const Query& query,
                              const Value* body) {
  net::HttpRequest request;
  request.method = method;
  request.url = with_query(url_ + "/v1" + path, query);
  if (body != nullptr) {
    request.headers.set("Content-Type", "application/json");
    request.body = to_json(*body);
  }
  auto response = http_.call(std::move(request));
  if (!response) {
    return fail(
        Error(ErrorCode::kUnavailable, "no answer from squall at " + url_ + " (" + response.error().message() +
                                           "). Is `squall serve` running? --url or SQUALL_URL name another address."));
  }
  const auto total = parse_int(response->headers.get("X-Total-Count"));
  total_ = total ? *total : -1;
  const std::string_view text = trim(response->body);
  auto value = text.empty() ? Result<Value>(Value()) : parse_json(text);
  if (response->status >= 400) {
    std::string reason =
        value && (*value)["faultstring"].is_string() ? (*value)["faultstring"].string() : std::string(text);
    if (reason.empty()) reason = "the server answered with status " + std::to_string(response->status);
    return fail(Error(code_of(response->status), reason).with_http_status(response->status));
  }
  // Plain text (output of an action) is handed on as text.
  if (!value) return Value(response->body);
  return value;
}

Result<Value> ApiClient::get(const std::string& path, const Query& query) { return send("GET", path, query, nullptr); }
Result<Value> ApiClient::post(const std::string& path, const Value& body) { return send("POST", path, {}, &body); }
Result<Value> ApiClient::put(const std::string& path, const Value& body) { return send("PUT", path, {}, &body); }
Result<Value> ApiClient::remove(const std::string& path) { return send("DELETE", path, {}, nullptr); }

}  // namespace squall::cli
