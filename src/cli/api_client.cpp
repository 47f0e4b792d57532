#include "cli/api_client.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <ctime>

#include "base/clock.hpp"
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
  if (status == 401) return ErrorCode::kUnauthorized;
  if (status == 403) return ErrorCode::kForbidden;
  if (status == 404) return ErrorCode::kNotFound;
  if (status == 409) return ErrorCode::kConflict;
  return status >= 500 ? ErrorCode::kRemote : ErrorCode::kInvalid;
}

}  // namespace

Result<Value> ApiClient::send(const std::string& method, const std::string& path, const Query& query,
                              const Value* body) {
  const bool needs_token = profile_.token.empty() && profile_.api_key.empty() && has_password();
  if (needs_token && !take_cached_token()) SQ_CHECK(log_in());
  auto answer = send_once(method, path, query, body);
  // The server may have forgotten the token that the cache still holds.
  if (answer || answer.error().code() != ErrorCode::kUnauthorized || !token_from_cache_) return answer;
  SQ_CHECK(log_in());
  return send_once(method, path, query, body);
}

// As st2 keeps it: {"token": "...", "expire_timestamp": seconds since 1970}.
bool ApiClient::take_cached_token() {
  if (profile_.token_cache.empty()) return false;
  const auto text = read_file(profile_.token_cache);
  if (!text) return false;
  const auto cached = parse_json(*text);
  if (!cached || !(*cached)["token"].is_string() || (*cached)["expire_timestamp"].int_or(0) <= std::time(nullptr)) {
    return false;
  }
  profile_.token = (*cached)["token"].string();
  token_from_cache_ = true;
  return true;
}

Status ApiClient::log_in() {
  net::HttpRequest request;
  request.method = "POST";
  request.url = (profile_.auth_url.empty() ? profile_.url + "/auth" : profile_.auth_url) + "/v1/tokens";
  request.headers.set("Content-Type", "application/json");
  request.headers.set("Authorization", "Basic " + base64_encode(profile_.user + ":" + profile_.password));
  request.body = "{}";
  auto response = http_.call(std::move(request));
  if (!response) {
    return fail(ErrorCode::kUnavailable,
                "cannot get a token for '" + profile_.user + "' (" + response.error().message() + ")");
  }
  const auto token = parse_json(response->body);
  if (response->status >= 400 || !token || !(*token)["token"].is_string()) {
    return fail(ErrorCode::kUnauthorized, "the server gives '" + profile_.user +
                                              "' no token: is the password in StackStorm's configuration right?");
  }
  profile_.token = (*token)["token"].string();
  token_from_cache_ = false;
  keep_token(*token);
  return {};
}

// For whoever runs the next command; no reason to fail when it cannot be kept.
void ApiClient::keep_token(const Value& token) const {
  if (profile_.token_cache.empty()) return;
  const auto expiry = parse_timestamp(token["expiry"].string_or(""));
  if (!expiry) return;
  const int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(expiry->time_since_epoch()).count();
  const int file = ::open(profile_.token_cache.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return;
  const std::string text = to_json(Value::dict({{"token", token["token"]}, {"expire_timestamp", seconds}}));
  const bool kept =
      ::fchmod(file, 0600) == 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(file);
  if (!kept) ::unlink(profile_.token_cache.c_str());
}

Result<Value> ApiClient::send_once(const std::string& method, const std::string& path, const Query& query,
                                   const Value* body) {
  net::HttpRequest request;
  request.method = method;
  request.url = with_query(profile_.url + "/v1" + path, query);
  if (!profile_.token.empty()) {
    request.headers.set("X-Auth-Token", profile_.token);
  } else if (!profile_.api_key.empty()) {
    request.headers.set("St2-Api-Key", profile_.api_key);
  }
  if (body != nullptr) {
    request.headers.set("Content-Type", "application/json");
    request.body = to_json(*body);
  }
  auto response = http_.call(std::move(request));
  if (!response) {
    return fail(
        Error(ErrorCode::kUnavailable, "no answer from squall at " + profile_.url + " (" + response.error().message() +
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
    if (response->status == 401 && profile_.token.empty() && profile_.api_key.empty()) {
      reason += " (SQUALL_TOKEN or SQUALL_API_KEY say who you are; so does ~/.st2/config)";
    }
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
