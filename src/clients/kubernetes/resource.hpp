// Names and paths of Kubernetes resources, and what the server says when it refuses.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "net/http_message.hpp"
#include "value/value.hpp"

namespace squall::kubernetes {

// A resource type, and a namespace in it.
struct ResourceId {
  std::string group;  // empty: core
  std::string version;
  std::string resource;        // plural, "databases"
  std::string namespace_name;  // empty: cluster-scoped, or all namespaces

  // "v1", "apps/v1".
  std::string api_version() const;
  // "databases.squall.dev", "pods".
  std::string display() const;
  // "/apis/squall.dev/v1alpha1/namespaces/shop/databases[/name[/subresource]]".
  std::string path(std::string_view name = {}, std::string_view subresource = {}) const;
  bool operator==(const ResourceId&) const = default;
};

// Splits "apps/v1" or "v1". kInvalid for anything else.
Result<ResourceId> parse_api_version(std::string_view api_version);
// "/apis/apps/v1" or "/api/v1".
std::string api_version_path(std::string_view api_version);

// One resource type as the server's discovery describes it.
struct ResourceInfo {
  ResourceId id;  // without a namespace
  std::string kind;
  bool namespaced = false;
};

// The types of an APIResourceList, without subresources.
std::vector<ResourceInfo> parse_resource_list(const Value& list);

// One answer of the API server, error statuses included.
struct ApiAnswer {
  int status = 0;
  net::Headers headers;
  Value body;        // parsed JSON; null when it was none
  std::string text;  // the body when it was no JSON
};

// An Error from a Status object (the body of a refused request, or the object of an ERROR event): the server's message with
// the causes it does not mention itself; type() is the reason ("AlreadyExists", "Expired", ...), http_status() the code.
Error error_of_status(const Value& status, int http_status, std::string_view text = {});
// The body of a good answer, or error_of_status().
Result<Value> body_of(ApiAnswer answer);
// How long the server asks to wait: Retry-After or details.retryAfterSeconds.
std::optional<Duration> retry_after_of(const ApiAnswer& answer);
// 410, or a reason that means the same: the resourceVersion or the continue token is too old.
bool is_expired(const Error& error);

// The items of a list, each with the kind and apiVersion that only the list as a whole has for built-in types.
List items_of(const Value& list);

// "namespace/name", or "/name" for cluster-scoped objects.
std::string object_key(const Value& object);

}  // namespace squall::kubernetes
