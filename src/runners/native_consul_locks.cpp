// consul.session_*, kv_acquire, kv_release: locks.
#include <algorithm>

#include "base/strings.hpp"
#include "runners/native_consul_common.hpp"

namespace squall::runners::consul {
namespace {

using clients::ConsulClient;
using clients::ConsulEntry;

constexpr Duration kTryAgainMin = std::chrono::seconds(1);
constexpr Duration kTryAgainMax = std::chrono::seconds(15);

Error session_lost(const std::string& session) {
  return Error(ErrorCode::kNotFound,
               "Consul has no session " + session + " (any more): it ended, and its locks with it")
      .with_type("SessionLost");
}

Value lock_result(const std::string& key, const std::string& session, const std::optional<ConsulEntry>& entry) {
  return Value::dict({{"key", key},
                      {"session", session},
                      {"lock_index", entry ? entry->lock_index : 0},
                      {"modify_index", entry ? entry->modify_index : 0}});
}

}  // namespace

Result<NativeAnswer> session_create(const NativeCall& call) {
  SQ_TRY(ConsulClient consul, client_of(call));
  SQ_CHECK(consul.check_leader(call.stop));
  Value session = Value::empty_dict();
  const std::pair<const char*, const char*> fields[] = {{"name", "Name"},
                                                        {"ttl", "TTL"},
                                                        {"behavior", "Behavior"},
                                                        {"lock_delay", "LockDelay"},
                                                        {"node", "Node"},
                                                        {"node_checks", "NodeChecks"},
                                                        {"service_checks", "ServiceChecks"}};
  for (const auto& [parameter, field] : fields) {
    const Value& value = call.parameters[parameter];
    if (!value.is_null() && value != Value("")) session.set(field, value);
  }
  SQ_TRY(const std::string id, consul.create_session(session, call.stop));
  return NativeAnswer::succeeded(Value::dict({{"session", id}, {"name", session["Name"]}, {"ttl", session["TTL"]}}));
}

Result<NativeAnswer> session_renew(const NativeCall& call) {
  SQ_TRY(const std::string session, text_of(call, "session"));
  SQ_TRY(ConsulClient consul, client_of(call));
  SQ_TRY(const bool alive, consul.renew_session(session, call.stop));
  if (!alive) return fail(session_lost(session));
  return NativeAnswer::succeeded(Value::dict({{"session", session}, {"renewed", true}}));
}

Result<NativeAnswer> session_destroy(const NativeCall& call) {
  SQ_TRY(const std::string session, text_of(call, "session"));
  SQ_TRY(ConsulClient consul, client_of(call));
  SQ_TRY(const Value known, consul.find_session(session, call.stop));
  if (!known.is_null()) SQ_CHECK(consul.destroy_session(session, call.stop));
  return NativeAnswer::succeeded(Value::dict({{"session", session}, {"destroyed", !known.is_null()}}));
}

// Who waits for a lock asks again; a lock delay (15 s unless set) may pass after its holder is lost.
Result<NativeAnswer> kv_acquire(const NativeCall& call) {
  SQ_TRY(const std::string key, key_of(call, "key"));
  SQ_TRY(const std::string session, text_of(call, "session"));
  SQ_TRY(ConsulClient consul, client_of(call));
  const clients::ConsulWrite how{.flags = call.parameters["flags"].int_or(0), .acquire = session};
  SQ_TRY(const bool taken, consul.put(key, value_text(call.parameters["value"]), how, call.stop));
  SQ_TRY(const std::optional<ConsulEntry> entry, consul.get(key, call.stop));
  if (taken) {
    Value result = lock_result(key, session, entry);
    result.set("acquired", true);
    return NativeAnswer::succeeded(std::move(result));
  }
  const Timestamp now = call.services.clock.now();
  const Timestamp deadline = parse_timestamp(call.state["deadline"].string_or(""))
                                 .value_or(now + std::chrono::seconds(call.parameters["timeout"].int_or(0)));
  const std::string holder = entry && !entry->session.empty() ? "session " + entry->session + " holds it"
                                                              : "its last holder was lost a moment ago (lock delay)";
  if (now >= deadline) {
    return fail(Error(ErrorCode::kConflict, "the lock " + key + " is taken: " + holder).with_type("LockHeld"));
  }
  const int64_t tries = call.state["tries"].int_or(0) + 1;
  const Duration delay = std::min({kTryAgainMin * tries, kTryAgainMax, Duration(deadline - now)});
  return NativeAnswer::wait_for(
      delay, Value::dict({{"deadline", format_timestamp(deadline)}, {"tries", tries}, {"reason", holder}}),
      "the lock " + key + " is taken: " + holder);
}

Result<NativeAnswer> kv_release(const NativeCall& call) {
  SQ_TRY(const std::string key, key_of(call, "key"));
  SQ_TRY(const std::string session, text_of(call, "session"));
  SQ_TRY(ConsulClient consul, client_of(call));
  SQ_TRY(const std::optional<ConsulEntry> entry, consul.get(key, call.stop));
  Value result = lock_result(key, session, entry);
  if (!entry || entry->session.empty()) {
    // Released before, by an earlier run of this or because the session ended.
    result.set("released", false);
    return NativeAnswer::succeeded(std::move(result));
  }
  if (entry->session != session) {
    return fail(Error(ErrorCode::kConflict,
                      "the lock " + key + " is not held by session " + session + " but by " + entry->session)
                    .with_type("LockLost"));
  }
  const Value& given = call.parameters["value"];
  const clients::ConsulWrite how{.flags = entry->flags, .release = session};
  SQ_TRY(const bool released, consul.put(key, given.is_null() ? entry->value : value_text(given), how, call.stop));
  result.set("released", released);
  return NativeAnswer::succeeded(std::move(result));
}

}  // namespace squall::runners::consul
