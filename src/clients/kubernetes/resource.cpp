#include "clients/kubernetes/resource.hpp"

#include "base/log.hpp"
#include "base/strings.hpp"

namespace squall::kubernetes {
namespace {

constexpr size_t kForeignTextShown = 200;

ErrorCode code_of_http_status(int status) {
  switch (status) {
    case 400:
    case 405:
    case 406:
    case 413:
    case 415:
    case 422: return ErrorCode::kInvalid;
    case 401: return ErrorCode::kUnauthorized;
    case 403: return ErrorCode::kPermissionDenied;
    case 404: return ErrorCode::kNotFound;
    case 409: return ErrorCode::kConflict;
    case 429: return ErrorCode::kUnavailable;
    default: return status >= 500 ? ErrorCode::kUnavailable : ErrorCode::kRemote;
  }
}

// For answers that are no Status, e.g. of a proxy in between.
std::string reason_of_http_status(int status) {
  switch (status) {
    case 400: return "BadRequest";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "NotFound";
    case 405: return "MethodNotAllowed";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 415: return "UnsupportedMediaType";
    case 422: return "Invalid";
    case 429: return "TooManyRequests";
    case 500: return "InternalError";
    case 503: return "ServiceUnavailable";
    case 504: return "Timeout";
    default: return "HTTP" + std::to_string(status);
  }
}

// Causes whose text the message lacks, as "; field: text".
std::string missing_causes(const Value& status, std::string_view message) {
  std::string result;
  const Value& causes = status["details"]["causes"];
  for (size_t i = 0; i < causes.size(); ++i) {
    const std::string text = causes[i]["message"].string();
    const std::string field = causes[i]["field"].string();
    if (text.empty() || message.find(text) != std::string_view::npos) continue;
    result += "; ";
    if (!field.empty()) result += field + ": ";
    result += text;
  }
  return result;
}

}  // namespace

std::string ResourceId::api_version() const { return group.empty() ? version : group + "/" + version; }

std::string ResourceId::display() const { return group.empty() ? resource : resource + "." + group; }

std::string ResourceId::path(std::string_view name, std::string_view subresource) const {
  std::string result = api_version_path(api_version());
  const auto add_segment = [&result](std::string_view segment) {
    if (!segment.empty()) result.append("/").append(percent_encode(segment));
  };
  if (!namespace_name.empty()) add_segment("namespaces");
  add_segment(namespace_name);
  add_segment(resource);
  add_segment(name);
  add_segment(subresource);
  return result;
}

Result<ResourceId> parse_api_version(std::string_view api_version) {
  const std::vector<std::string> parts = split(api_version, '/');
  ResourceId id;
  if (parts.size() == 1) {
    id.version = parts[0];
  } else if (parts.size() == 2 && !parts[0].empty()) {
    id.group = parts[0];
    id.version = parts[1];
  }
  if (!id.version.empty()) return id;
  return fail(ErrorCode::kInvalid,
              std::string(api_version) + " is not an apiVersion, which looks like v1 or apps/v1");
}

std::string api_version_path(std::string_view api_version) {
  const bool is_core = api_version.find('/') == std::string_view::npos;
  return (is_core ? "/api/" : "/apis/") + percent_encode(api_version, /*keep_slash=*/true);
}

std::vector<ResourceInfo> parse_resource_list(const Value& list) {
  std::vector<ResourceInfo> result;
  const auto version = parse_api_version(list["groupVersion"].string_or(""));
  if (!version) return result;
  const Value& resources = list["resources"];
  for (size_t i = 0; i < resources.size(); ++i) {
    ResourceInfo info{*version, resources[i]["kind"].string(), resources[i]["namespaced"].bool_or(false)};
    info.id.resource = resources[i]["name"].string();
    if (info.id.resource.find('/') == std::string::npos) result.push_back(std::move(info));
  }
  return result;
}

Error error_of_status(const Value& status, int http_status, std::string_view text) {
  const bool is_status = status["kind"].string_or("") == "Status";
  const int code = is_status ? static_cast<int>(status["code"].int_or(http_status)) : http_status;
  std::string message = is_status ? status["message"].string() : std::string();
  std::string reason = is_status ? status["reason"].string() : std::string();
  if (message.empty()) {
    message = "HTTP status " + std::to_string(code);
    if (const auto shown = trim(text.substr(0, kForeignTextShown)); !shown.empty()) message += ": " + mask_secrets(shown);
  } else {
    message += missing_causes(status, message);
  }
  if (reason.empty()) reason = reason_of_http_status(code);
  return Error(code_of_http_status(code), std::move(message)).with_type(std::move(reason)).with_http_status(code);
}

Result<Value> body_of(ApiAnswer answer) {
  if (answer.status < 200 || answer.status > 299) {
    return fail(error_of_status(answer.body, answer.status, answer.text));
  }
  if (answer.body.is_null() && !trim(answer.text).empty()) {
    return fail(ErrorCode::kRemote, "the server's answer is not JSON: " +
                                        mask_secrets(trim(answer.text.substr(0, kForeignTextShown))));
  }
  return std::move(answer.body);
}

std::optional<Duration> retry_after_of(const ApiAnswer& answer) {
  auto seconds = parse_int(answer.headers.get("Retry-After"));
  if (!seconds && answer.body["details"]["retryAfterSeconds"].is_int()) {
    seconds = answer.body["details"]["retryAfterSeconds"].int_or(0);
  }
  if (!seconds || *seconds < 0) return std::nullopt;
  return std::chrono::seconds(std::min<int64_t>(*seconds, 3600));
}

bool is_expired(const Error& error) {
  return error.http_status() == 410 || error.type() == "Expired" || error.type() == "Gone";
}

List items_of(const Value& list) {
  List items = list["items"].is_list() ? list["items"].as_list() : List();
  std::string kind = list["kind"].string();
  if (kind.ends_with("List")) kind.resize(kind.size() - 4);
  for (Value& item : items) {
    if (!item["kind"].is_string() && !kind.empty()) item.set("kind", kind);
    if (!item["apiVersion"].is_string()) item.set("apiVersion", list["apiVersion"]);
  }
  return items;
}

std::string object_key(const Value& object) {
  const Value& metadata = object["metadata"];
  return metadata["namespace"].string() + "/" + metadata["name"].string();
}

}  // namespace squall::kubernetes
