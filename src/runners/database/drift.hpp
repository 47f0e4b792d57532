// Drift: what is outside, against what a Database resource says. Pure.
#pragma once

#include <optional>

#include "base/clock.hpp"
#include "value/value.hpp"

namespace squall::runners::database {

// What was found of one resource. A part that could not be asked for is nothing, and is not compared.
struct Facts {
  std::optional<Value> instance;  // the DB instance; null: there is none
  std::optional<Value> secret;    // the credentials where they are kept; null: there are none
  std::optional<Value> metadata;  // Vault's custom metadata beside them
  std::optional<Value> logins;    // of Vault's database engine: {config, role, connection}; what is absent is null
  std::optional<std::string>
      given;                        // fingerprint that spec.credentials.passwordFrom asks for, by the salt that is kept
  std::optional<Value> keys;        // in Consul's store, {name: text}
  std::optional<Value> node;        // Consul's catalog entry of the node: {Node, Services}; null: there is none
  std::optional<Value> app_secret;  // the Kubernetes Secret; null: there is none
};

// [{field, want, have}]; never with a secret in it.
Value find_drift(const Value& object, const Value& plan, const Facts& facts);

// What a resource needs: {action, parameters, why}, or null. `facts` is asked for only when it matters.
struct Need {
  std::string action;
  Value parameters = Value::empty_dict();
  std::string why;
};
// What can be told from the resource alone; `plan_error`: what database.plan says of it, empty when it is well, and
// then `wish` is that of the plan.
std::optional<Need> need_of_resource(const Value& object, const std::string& plan_error, const std::string& wish = {});
// What follows from drift and from the dates of rotation, of a resource that needs nothing else.
std::optional<Need> need_of_facts(const Value& object, const Value& plan, const Value& drift, Timestamp now);

}  // namespace squall::runners::database
