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

Result<NativeAnswer> tell_now(const NativeCall& call, Services& services);  // fails where tell() would wait

// claim.cpp
Result<NativeAnswer> claim(const NativeCall& call, Services& services);

// adopt.cpp
Result<NativeAnswer> adopt_instance(const NativeCall& call, Services& services);
Result<NativeAnswer> release_instance(const NativeCall& call, Services& services);

// instance.cpp
Result<NativeAnswer> create_instance(const NativeCall& call, Services& services);
Result<NativeAnswer> wait_instance(const NativeCall& call, Services& services);
Result<NativeAnswer> delete_instance(const NativeCall& call, Services& services);
Result<NativeAnswer> find_instance(const NativeCall& call, Services& services);

// modify.cpp
Result<NativeAnswer> modify_instance(const NativeCall& call, Services& services);
Status add_tags(const clients::RdsClient& rds, const std::string& arn, const Value& tags);

// password.cpp
Result<NativeAnswer> stage_password(const NativeCall& call, Services& services);
Result<NativeAnswer> set_password(const NativeCall& call, Services& services);
Result<NativeAnswer> publish_credentials(const NativeCall& call, Services& services);
Result<NativeAnswer> forget_credentials(const NativeCall& call, Services& services);
// Of an instance, {endpoint: {address, port}, db_name, master_username} count here.
std::string database_of(const Value& plan, const Value& instance);
// What a client needs besides a login.
Value connection_of(const Value& plan, const Value& instance);
// What the readers of a secret find.
Value credentials_of(const Value& plan, const Value& instance, const std::string& password);
// The same where AWS keeps the password: no password, and where it is.
Value managed_credentials(const Value& plan, const Value& instance);
// Where an application reads its credentials in Vault; empty when they are in a Secret.
std::string credentials_place(const Value& plan);
std::string credentials_label(const Value& plan);  // for people

// managed_password.cpp: set_password where AWS Secrets Manager makes and keeps the password.
Result<NativeAnswer> set_managed_password(const NativeCall& call, Services& services);

// given_password.cpp: what spec.credentials.passwordFrom leads to; empty without one.
Result<std::string> given_password(const NativeCall& call, Services& services, const Value& plan);

// logins.cpp
struct Kept;
Result<NativeAnswer> publish_logins(const NativeCall& call, Services& services);
Result<NativeAnswer> forget_logins(const NativeCall& call, Services& services);
// {config, role, connection} as Vault has them; what is not there is null.
Result<Value> find_logins(const NativeCall& call, const Value& plan);
Status forget_connection(const NativeCall& call, const Value& plan);
// Nobody knows the master password any more.
Result<bool> is_root_lost(const NativeCall& call, const Value& plan, const Kept& master);

// publish.cpp
Result<NativeAnswer> publish_endpoint(const NativeCall& call, Services& services);
Result<NativeAnswer> unpublish_endpoint(const NativeCall& call, Services& services);
// The keys below the prefix in Consul: {name: text}.
Value consul_keys(const Value& plan, const Value& instance);
// The registration in Consul's catalog. `status`: that of the DB instance.
Value consul_registration(const Value& plan, const Value& instance, const std::string& status = "available");

// secret.cpp
Result<NativeAnswer> publish_secret(const NativeCall& call, Services& services);
Result<NativeAnswer> forget_secret(const NativeCall& call, Services& services);
// The members of the Secret for applications, not encoded. `credentials` is what is in Vault.
Value secret_members(const Value& plan, const Value& credentials);
std::string secret_type(const Value& plan);
// A Secret of this resource's.
Value secret_manifest(const Value& plan, const std::string& name, const std::string& type, const Value& members);

}  // namespace squall::runners::database
