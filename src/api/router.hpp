// Router: finds the handler of a path.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/route_access.hpp"
#include "api/route_doc.hpp"
#include "auth/identity.hpp"
#include "base/result.hpp"
#include "net/http_server.hpp"
#include "value/value.hpp"

namespace squall::api {

// One request on its way to an answer.
struct Call {
  net::ServerRequest request;
  std::map<std::string, std::string, std::less<>> parameters;  // "{id}" parts of the path
  std::shared_ptr<net::Responder> responder;
  std::string user;                        // who asks
  bool is_inside = false;                  // from squall's own parts
  bool is_known = false;                   // false: nobody has logged in, and the route is open
  auth::Identity identity;                 // and how that is known
  std::shared_ptr<const auth::Rbac> rbac;  // what users may; null: everything (no roles, or a call from inside)

  const std::string& parameter(std::string_view name) const;
  // First value of a query parameter, or empty.
  std::string query(std::string_view name) const;
  // The JSON body; an empty one counts as {}. The error is StackStorm's.
  Result<Value> body() const;

  // With their roles; always yes while there are none.
  bool is_admin() const { return rbac == nullptr || rbac->is_admin(user); }
  bool may(auth::Permission permission, const auth::Resource& resource) const {
    return rbac == nullptr || rbac->may(user, permission, resource);
  }
  Status check(auth::Permission permission, const auth::Resource& resource) const {
    return rbac == nullptr ? Status() : rbac->check(user, permission, resource);
  }
  // The user that is shown nothing of others (permission isolation); nothing when there is no such limit.
  std::optional<std::string> only_own() const {
    return rbac != nullptr && rbac->is_isolated(user) ? std::optional(user) : std::nullopt;
  }

  void reply(int status, const Value& value) const;
  void reply(net::ServerResponse response) const;
  void fail(const Error& error) const;
  // The value with status 200 (or another), or the error's fault.
  void reply(const Result<Value>& result, int status = 200) const;
};

// An error as StackStorm reports it: {"faultstring": ...} with the status of its code. One table maps codes to
// statuses.
net::ServerResponse fault(const Error& error);
net::ServerResponse json_response(int status, const Value& value);

struct Route {
  std::string method;
  std::string pattern;  // "/executions/{id}/children"; "{path*}" takes the rest
  RouteAccess access;
  RouteDoc doc;
  std::function<void(const Call&)> handler;
};

class Router {
 public:
  void add(std::string method, std::string pattern, RouteAccess access, RouteDoc doc,
           std::function<void(const Call&)> handler);
  // The route and its path parameters; null when nothing matches. Routes added first win.
  const Route* find(std::string_view method, std::string_view path,
                    std::map<std::string, std::string, std::less<>>& parameters) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace squall::api
