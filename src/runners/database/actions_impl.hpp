// The actions of the pack `database`, as actions.cpp registers them. What each takes and answers:
// packs/database/actions.
#pragma once

#include "runners/database/services.hpp"

namespace squall::runners::database {

// look.cpp
Result<NativeAnswer> look(const NativeCall& call, Services& services);
Result<NativeAnswer> check_confirmed(const NativeCall& call);

// look_at_all.cpp
Result<NativeAnswer> look_at_all(const NativeCall& call, Services& services);

// tell.cpp
Result<NativeAnswer> tell(const NativeCall& call, Services& services);

// adopt.cpp
Result<NativeAnswer> adopt_instance(const NativeCall& call, Services& services);
Result<NativeAnswer> release_instance(const NativeCall& call, Services& services);

// modify.cpp
Result<NativeAnswer> modify_instance(const NativeCall& call, Services& services);
Status add_tags(const clients::RdsClient& rds, const std::string& arn, const Value& tags);

// password.cpp
Result<NativeAnswer> stage_password(const NativeCall& call, Services& services);
Result<NativeAnswer> set_password(const NativeCall& call, Services& services);
Result<NativeAnswer> publish_credentials(const NativeCall& call, Services& services);
Result<NativeAnswer> forget_credentials(const NativeCall& call, Services& services);
// What the readers of a secret find. `endpoint` is {address, port}.
Value credentials_of(const Value& plan, const std::string& username, const Value& endpoint,
                     const std::string& password);

// publish.cpp
Result<NativeAnswer> publish_endpoint(const NativeCall& call, Services& services);
Result<NativeAnswer> unpublish_endpoint(const NativeCall& call, Services& services);
// The keys below the prefix in Consul: {name: text}.
Value consul_keys(const Value& plan, const Value& endpoint);
// The registration in Consul's catalog.
Value consul_registration(const Value& plan, const Value& endpoint);

// secret.cpp
Result<NativeAnswer> publish_secret(const NativeCall& call, Services& services);
Result<NativeAnswer> forget_secret(const NativeCall& call, Services& services);
// The members of the Secret for applications, not encoded. `credentials` is what is in Vault.
Value secret_members(const Value& plan, const Value& credentials);

}  // namespace squall::runners::database
