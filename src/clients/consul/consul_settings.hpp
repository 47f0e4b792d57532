// Where Consul is and who squall is there.
#pragma once

#include <functional>
#include <string>

#include "base/result.hpp"
#include "net/http_client.hpp"
#include "value/value.hpp"

namespace squall::clients {

struct ConsulSettings {
  std::string address;                // "http://127.0.0.1:8500"
  std::string token;                  // ACL token; empty: the anonymous one
  std::string datacenter;             // empty: the agent's own
  std::string name_space, partition;  // Consul Enterprise; empty: of the token
  net::TlsOptions tls;

  // The pack's config first, then CONSUL_HTTP_ADDR (with or without a scheme), CONSUL_HTTP_TOKEN,
  // CONSUL_HTTP_TOKEN_FILE, CONSUL_CACERT, CONSUL_CLIENT_CERT, CONSUL_CLIENT_KEY, CONSUL_TLS_SERVER_NAME,
  // CONSUL_HTTP_SSL, CONSUL_HTTP_SSL_VERIFY, CONSUL_NAMESPACE, CONSUL_PARTITION; Consul's default address at last. A
  // token file is read at each call, as its content may change. `parameters` of an action (datacenter, namespace,
  // partition) win. Errors, of type "ConsulNotConfigured", say what to set.
  static Result<ConsulSettings> read(const Value& config, const Value& parameters,
                                     const std::function<std::string(const std::string&)>& environment);
};

}  // namespace squall::clients
