// The service registry: StackStorm lists its processes there. Here one process does everything, and it is the only
// member.
#include <unistd.h>

#include "api/api.hpp"

namespace squall::api {
namespace {

constexpr const char* kGroup = "squall";

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

Value member(const ApiOptions& options) {
  const std::string host = host_name();
  const int pid = static_cast<int>(::getpid());
  return Value::dict({{"group_id", kGroup},
                      {"member_id", host + "_" + std::to_string(pid)},
                      {"capabilities", Value::dict({{"hostname", host},
                                                    {"pid", pid},
                                                    {"name", kGroup},
                                                    {"version", options.version},
                                                    {"api", options.url}})}});
}

}  // namespace

void add_service_routes(Router& router, engine::Engine&, const ApiOptions& options) {
  router.add("GET", "/service_registry/groups", RouteAccess::admins(), "The groups of services", [](const Call& call) {
    call.reply(200, Value::dict({{"groups", Value::list({kGroup})}}));
  });
  router.add(
      "GET", "/service_registry/groups/{id}/members", RouteAccess::admins(), "The processes of a group",
      [&options](const Call& call) {
        if (call.parameter("id") != kGroup) {
          return call.fail(Error(ErrorCode::kNotFound, "Group with ID \"" + call.parameter("id") + "\" not found."));
        }
        call.reply(200, Value::dict({{"members", Value::list({member(options)})}}));
      });
}

}  // namespace squall::api
