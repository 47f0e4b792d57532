// ConsulClient: sessions, catalog, health and the agent's services.
#include "base/strings.hpp"
#include "clients/consul/consul_client.hpp"
#include "value/json.hpp"

namespace squall::clients {
namespace {

void drop(const net::HttpResponse&) {}

}  // namespace

Result<std::string> ConsulClient::create_session(const Value& session, StopToken stop) {
  SQ_TRY(const net::HttpResponse response,
         expect({"PUT", "session/create", "", to_json(session)}, "making a session", stop));
  SQ_TRY(const Value body, parse_json(response.body));
  std::string id = body["ID"].string();
  if (id.empty()) return fail(ErrorCode::kRemote, "making a session: Consul answered without an id");
  return id;
}

Result<bool> ConsulClient::renew_session(const std::string& id, StopToken stop) {
  auto response = expect({"PUT", "session/renew/" + percent_encode(id), "", ""}, "renewing the session " + id, stop);
  if (response) return true;
  const std::string& type = response.error().type();
  if (type == "NotFound" || type == "SessionLost") return false;
  return fail(response.error());
}

Result<Value> ConsulClient::find_session(const std::string& id, StopToken stop) {
  SQ_TRY(const net::HttpResponse response,
         expect({"GET", "session/info/" + percent_encode(id), "", ""}, "reading the session " + id, stop));
  SQ_TRY(const Value body, parse_json(response.body));
  return body[0];
}

Status ConsulClient::destroy_session(const std::string& id, StopToken stop) {
  return expect({"PUT", "session/destroy/" + percent_encode(id), "", ""}, "ending the session " + id, stop).map(drop);
}

Status ConsulClient::register_catalog(const Value& registration, StopToken stop) {
  return expect({"PUT", "catalog/register", "", to_json(registration)}, "registering " + registration["Node"].string(),
                stop)
      .map(drop);
}

Result<Value> ConsulClient::catalog_node(const std::string& node, StopToken stop) {
  SQ_TRY(const net::HttpResponse response,
         expect({"GET", "catalog/node/" + percent_encode(node), "", ""}, "reading the node " + node, stop));
  return parse_json(response.body);
}

Status ConsulClient::deregister_catalog(const Value& deregistration, StopToken stop) {
  return expect({"PUT", "catalog/deregister", "", to_json(deregistration)},
                "deregistering " + deregistration["Node"].string(), stop)
      .map(drop);
}

Result<Value> ConsulClient::health_of(const std::string& service, const std::string& tag, bool passing_only,
                                      StopToken stop) {
  std::string query = passing_only ? "passing" : "";
  if (!tag.empty()) query += (query.empty() ? "tag=" : "&tag=") + percent_encode(tag);
  SQ_TRY(const net::HttpResponse response, expect({"GET", "health/service/" + percent_encode(service), query, ""},
                                                  "reading the service " + service, stop));
  return parse_json(response.body);
}

Status ConsulClient::register_service(const Value& service, StopToken stop) {
  return expect({"PUT", "agent/service/register", "replace-existing-checks=true", to_json(service)},
                "registering the service " + service["Name"].string(), stop)
      .map(drop);
}

Result<bool> ConsulClient::deregister_service(const std::string& id, StopToken stop) {
  auto response = expect({"PUT", "agent/service/deregister/" + percent_encode(id), "", ""},
                         "deregistering the service " + id, stop);
  if (response) return true;
  const Error& error = response.error();
  if (error.code() == ErrorCode::kNotFound || error.message().find("Unknown service") != std::string::npos)
    return false;
  return fail(error);
}

Status ConsulClient::update_check(const std::string& id, const std::string& status, const std::string& output,
                                  StopToken stop) {
  const Value body = Value::dict({{"Status", status}, {"Output", output}});
  auto response =
      expect({"PUT", "agent/check/update/" + percent_encode(id), "", to_json(body)}, "setting the check " + id, stop);
  if (response) return {};
  if (response.error().message().find("Unknown check") != std::string::npos ||
      response.error().message().find("does not have associated TTL") != std::string::npos) {
    return fail(Error(ErrorCode::kNotFound, "Consul's agent has no TTL check " + id)
                    .with_type("NotFound")
                    .with_http_status(response.error().http_status()));
  }
  return fail(response.error());
}

}  // namespace squall::clients
