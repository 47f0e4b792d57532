#include "api/router.hpp"

#include "base/strings.hpp"
#include "value/json.hpp"
#include "value/json_form.hpp"

namespace squall::api {
namespace {

bool match(const std::vector<std::string>& pattern, const std::vector<std::string>& path,
           std::map<std::string, std::string, std::less<>>& parameters) {
  parameters.clear();
  for (size_t i = 0; i < pattern.size(); ++i) {
    const std::string& part = pattern[i];
    if (part.size() > 3 && part.ends_with("*}")) {
      if (i >= path.size()) return false;
      parameters[part.substr(1, part.size() - 3)] = join({path.begin() + static_cast<ptrdiff_t>(i), path.end()}, "/");
      return true;
    }
    if (i >= path.size()) return false;
    if (part.starts_with("{")) {
      if (path[i].empty()) return false;
      parameters[part.substr(1, part.size() - 2)] = path[i];
    } else if (part != path[i]) {
      return false;
    }
  }
  return pattern.size() == path.size();
}

int status_of(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kInvalid: return 400;
    case ErrorCode::kUnauthorized: return 401;
    case ErrorCode::kForbidden: return 403;
    case ErrorCode::kNotFound: return 404;
    case ErrorCode::kConflict: return 409;
    case ErrorCode::kUnavailable: return 503;
    default: return 500;
  }
}

}  // namespace

const std::string& Call::parameter(std::string_view name) const {
  static const std::string none;
  const auto found = parameters.find(name);
  return found == parameters.end() ? none : found->second;
}

std::string Call::query(std::string_view name) const { return request.query_value(name).value_or(std::string()); }

Result<Value> Call::body() const {
  if (trim(request.body).empty()) return Value::empty_dict();
  auto parsed = parse_json(request.body);
  if (!parsed) {
    return squall::fail(ErrorCode::kInvalid, "Failed to parse request body: " + parsed.error().message());
  }
  auto form = json_form(*parsed);
  if (!form) return squall::fail(form.error().with_context("The request body cannot be taken"));
  return form;
}

net::ServerResponse json_response(int status, const Value& value) {
  net::ServerResponse response;
  response.status = status;
  if (status != 204) response.body = to_json(value);
  return response;
}

void Call::reply(int status, const Value& value) const { responder->respond(json_response(status, value)); }

void Call::reply(net::ServerResponse response) const { responder->respond(std::move(response)); }
void Call::fail(const Error& error) const { responder->respond(fault(error)); }

void Call::reply(const Result<Value>& result, int status) const {
  if (result) {
    reply(status, *result);
  } else {
    fail(result.error());
  }
}

net::ServerResponse fault(const Error& error) {
  net::ServerResponse response;
  response.status = status_of(error);
  Value body = Value::empty_dict();
  // A conflict names what it conflicts with.
  if (error.code() == ErrorCode::kConflict && !error.type().empty()) body.set("conflict-id", error.type());
  body.set("faultstring", response.status == 500 ? std::string("Internal Server Error") : error.message());
  response.body = to_json(body);
  return response;
}

void Router::add(std::string method, std::string pattern, RouteAccess access, RouteDoc doc,
                 std::function<void(const Call&)> handler) {
  routes_.push_back({std::move(method), std::move(pattern), std::move(access), std::move(doc), std::move(handler)});
}

const Route* Router::find(std::string_view method, std::string_view path,
                          std::map<std::string, std::string, std::less<>>& parameters) const {
  while (path.starts_with("/")) path.remove_prefix(1);
  while (path.ends_with("/")) path.remove_suffix(1);
  const auto parts = split(path, '/');
  for (const Route& route : routes_) {
    if (route.method == method && match(split(std::string_view(route.pattern).substr(1), '/'), parts, parameters))
      return &route;
  }
  return nullptr;
}

}  // namespace squall::api
