// Names that a Database resource goes by outside of Kubernetes, and small readings of its spec. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::runners::database {

inline constexpr std::string_view kFinalizer = "squall.dev/database";
// Annotations of a Database resource.
inline constexpr std::string_view kConfirmDelete = "squall.dev/confirm-delete";
inline constexpr std::string_view kAbandon = "squall.dev/abandon";
inline constexpr std::string_view kRotate = "squall.dev/rotate";
// Set by squall before it creates anything: what tells, when the status is lost, which instance it was.
inline constexpr std::string_view kIdentifier = "squall.dev/identifier";
// Tags of a DB instance. The fingerprint tells which password RDS accepted last, without telling the password.
inline constexpr std::string_view kUidTag = "squall.dev/uid";
inline constexpr std::string_view kPasswordTag = "squall.dev/password-fingerprint";
inline constexpr std::string_view kAdoptTag = "squall.dev/adopt";
inline constexpr std::string_view kRotationTag = "squall.dev/rotation";    // the last one that AWS carried out
inline constexpr std::string_view kExecutionTag = "squall.dev/execution";  // that made it; never compared

struct EngineFacts {
  std::string_view name;
  int64_t port;
  std::string_view default_version;
  std::string_view uri_scheme;
  std::string_view ssl_mode;  // what a client should ask for
};
// Null when squall does not know the engine.
const EngineFacts* find_engine(std::string_view name);

// "spec.engine: ..." as an error of type InvalidSpec.
Error bad_field(const std::string& path, const std::string& why);

// <namespace>-<name>-<6 of the uid's hash>, at most 63 characters, as RDS wants its identifiers: the uid keeps a
// resource that is made again apart from its predecessor.
std::string make_identifier(const std::string& space, const std::string& name, const std::string& uid);

// spec.databaseName, else the resource's name with underscores, as long as an engine allows.
std::string database_name(const Value& spec, const std::string& name);

// The text when it is at most `max` long, else its beginning and 6 digits of its hash: two long names stay two.
std::string shortened(const std::string& text, size_t max);

// "30m", "1h", "45s", "7d" or plain seconds; `fallback` when it is not given. `path` is for the error.
Result<int64_t> seconds_of(const Value& value, int64_t fallback, const std::string& path);

// Which password this is, without telling it: 16 hex digits of a hash over uid and password. Passwords made by squall
// have 160 bits, so the hash cannot be turned back by trying; one that a person chose gets a `salt`, which is kept
// where the password is.
std::string fingerprint(std::string_view uid, std::string_view password, std::string_view salt = {});

// The condition of that type, or null.
const Value& condition_of(const Value& object, std::string_view type);
bool condition_is(const Value& object, std::string_view type, std::string_view status);

// "2026-01-31T12:00:00Z", as Kubernetes writes times.
std::string kubernetes_time(Timestamp time);

}  // namespace squall::runners::database
