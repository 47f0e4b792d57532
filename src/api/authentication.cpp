#include "api/authentication.hpp"

#include "base/strings.hpp"

namespace squall::api {
namespace {

std::string cookie(const Call& call, std::string_view name) {
  for (const std::string& part : split(call.request.headers.get("Cookie"), ';')) {
    const std::string_view entry = trim(part);
    const size_t equal = entry.find('=');
    if (equal != std::string_view::npos && entry.substr(0, equal) == name) return std::string(entry.substr(equal + 1));
  }
  return {};
}

Result<auth::Identity> of_token(const std::string& token, const auth::Access& access, engine::Engine& engine) {
  // An action that runs asks with the token it was given, for as long as it runs.
  if (const std::string execution = access.execution_of(token); !execution.empty()) {
    const Value* live = engine.executions().live(execution);
    if (live == nullptr) return fail(ErrorCode::kUnauthorized, "Unauthorized - Token has expired.");
    return auth::Identity{(*live)["context"]["user"].string(), "authentication token", "", std::nullopt};
  }
  return access.check_token(token);
}

}  // namespace

Result<auth::Identity> identify(const Call& call, const auth::Access& access, engine::Engine& engine) {
  struct Place {
    std::string text;
    const char* location;
    bool is_key;
  };
  const Place places[] = {{std::string(call.request.headers.get("X-Auth-Token")), "header", false},
                          {std::string(call.request.headers.get("St2-Api-Key")), "header", true},
                          {call.query("x-auth-token"), "query", false},
                          {call.query("st2-api-key"), "query", true},
                          {cookie(call, "auth-token"), "cookie", false}};
  for (const Place& place : places) {
    if (place.text.empty()) continue;
    auto identity = place.is_key ? access.check_api_key(place.text) : of_token(place.text, access, engine);
    if (identity) identity->location = place.location;
    return identity;
  }
  return fail(ErrorCode::kUnauthorized, "Unauthorized - One of Token or API key required.");
}

std::string token_cookie(const Call& call, Timestamp now) {
  const auth::Identity& who = call.identity;
  // Tokens of executions have no end to tell, and no browser.
  if (who.method != "authentication token" || who.location == "cookie" || !who.expires) return {};
  const std::string header(call.request.headers.get("X-Auth-Token"));
  const std::string token = header.empty() ? call.query("x-auth-token") : header;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*who.expires - now).count();
  return "auth-token=" + token + "; HttpOnly; Secure; SameSite=lax; Path=/; Max-Age=" + std::to_string(seconds);
}

std::pair<std::string, std::string> basic_credentials(const Call& call) {
  const std::string_view header = call.request.headers.get("Authorization");
  if (!starts_with_ignore_case(header, "basic ")) return {};
  const auto decoded = base64_decode(trim(header.substr(6)));
  if (!decoded) return {};
  const size_t colon = decoded->find(':');
  if (colon == std::string::npos) return {};
  return {decoded->substr(0, colon), decoded->substr(colon + 1)};
}

}  // namespace squall::api
