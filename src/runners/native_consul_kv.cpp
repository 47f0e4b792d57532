// consul.kv_*, txn: keys and values.
#include <atomic>

#include "base/strings.hpp"
#include "runners/native_consul_common.hpp"

namespace squall::runners::consul {
namespace {

using clients::ConsulClient;
using clients::ConsulEntry;
using clients::ConsulWrite;

// What is under `prefix` must be this owner's, or nobody's. An empty owner is not checked.
Status check_owner(ConsulClient& consul, const std::string& prefix, const std::string& owner, StopToken stop) {
  if (owner.empty()) return {};
  SQ_TRY(const std::optional<ConsulEntry> uid, consul.get(prefix + "uid", stop));
  if (!uid || uid->value == owner) return {};
  return fail(Error(ErrorCode::kConflict, "the Consul keys under " + prefix + " belong to another resource (uid " +
                                              uid->value + "); they are left alone")
                  .with_type("NameTaken"));
}

Value entry_result(const ConsulEntry& entry) {
  return Value::dict({{"key", entry.key},
                      {"found", true},
                      {"value", entry.value},
                      {"flags", entry.flags},
                      {"modify_index", entry.modify_index},
                      {"create_index", entry.create_index},
                      {"lock_index", entry.lock_index},
                      {"session", entry.session.empty() ? Value() : Value(entry.session)}});
}

Value missing_result(const std::string& key) { return Value::dict({{"key", key}, {"found", false}}); }

Error changed_meanwhile(const std::string& key) {
  return Error(ErrorCode::kConflict, "the key " + key + " has changed meanwhile").with_type("CheckAndSetMismatch");
}

}  // namespace

Result<NativeAnswer> kv_get(const NativeCall& call) {
  SQ_TRY(const std::string key, key_of(call, "key"));
  SQ_TRY(ConsulClient consul, client_of(call));
  SQ_TRY(const std::optional<ConsulEntry> entry, consul.get(key, call.stop));
  return NativeAnswer::succeeded(entry ? entry_result(*entry) : missing_result(key));
}

Result<NativeAnswer> kv_list(const NativeCall& call) {
  SQ_TRY(const std::string prefix, tree_of(call));
  SQ_TRY(ConsulClient consul, client_of(call));
  SQ_TRY(const std::vector<ConsulEntry> entries, consul.list(prefix, call.stop));
  Value values = Value::empty_dict();
  Value list = Value::empty_list();
  for (const ConsulEntry& entry : entries) {
    values.set(entry.key.substr(prefix.size()), entry.value);
    list.push_back(entry_result(entry));
  }
  return NativeAnswer::succeeded(
      Value::dict({{"prefix", prefix}, {"count", entries.size()}, {"values", values}, {"entries", list}}));
}

Result<NativeAnswer> kv_put(const NativeCall& call) {
  SQ_TRY(const std::string key, key_of(call, "key"));
  SQ_TRY(ConsulClient consul, client_of(call));
  const ConsulWrite how{.flags = call.parameters["flags"].int_or(0)};
  SQ_TRY(const bool written, consul.put(key, value_text(call.parameters["value"]), how, call.stop));
  if (!written)
    return fail(Error(ErrorCode::kConflict, "Consul did not write " + key + ": it is locked").with_type("Locked"));
  return NativeAnswer::succeeded(Value::dict({{"key", key}, {"written", true}}));
}

Result<NativeAnswer> kv_cas(const NativeCall& call) {
  SQ_TRY(const std::string key, key_of(call, "key"));
  if (!call.parameters["cas"].is_int())
    return fail(bad_parameter("`cas` must be a ModifyIndex, or 0 for a key that must not exist"));
  SQ_TRY(ConsulClient consul, client_of(call));
  const std::string value = value_text(call.parameters["value"]);
  const ConsulWrite how{.cas = call.parameters["cas"].as_int(), .flags = call.parameters["flags"].int_or(0)};
  SQ_TRY(const bool written, consul.put(key, value, how, call.stop));
  if (!written) {
    // A run before this one may have written it just before squall ended.
    SQ_TRY(const std::optional<ConsulEntry> now, consul.get(key, call.stop));
    if (!now || now->value != value || now->flags != how.flags) return fail(changed_meanwhile(key));
  }
  return NativeAnswer::succeeded(Value::dict({{"key", key}, {"written", written}}));
}

Result<NativeAnswer> kv_delete(const NativeCall& call) {
  SQ_TRY(const std::string key, key_of(call, "key"));
  std::optional<int64_t> cas;
  if (call.parameters["cas"].is_int()) cas = call.parameters["cas"].as_int();
  if (cas && *cas <= 0)
    return fail(bad_parameter("`cas` of a deletion must be a ModifyIndex above 0; with 0 Consul does nothing"));
  SQ_TRY(ConsulClient consul, client_of(call));
  SQ_TRY(const bool deleted, consul.remove(key, cas, call.stop));
  if (!deleted) return fail(changed_meanwhile(key));
  return NativeAnswer::succeeded(Value::dict({{"key", key}, {"deleted", true}}));
}

Result<NativeAnswer> kv_delete_tree(const NativeCall& call) {
  SQ_TRY(const std::string prefix, tree_of(call));
  SQ_TRY(ConsulClient consul, client_of(call));
  SQ_CHECK(check_owner(consul, prefix, call.parameters["owner_uid"].string(), call.stop));
  SQ_TRY(const std::vector<ConsulEntry> entries, consul.list(prefix, call.stop));
  if (!entries.empty()) SQ_CHECK(consul.remove_tree(prefix, call.stop));
  return NativeAnswer::succeeded(Value::dict({{"prefix", prefix}, {"deleted", entries.size()}}));
}

// All keys in one transaction: a reader sees the old tree or the new one.
Result<NativeAnswer> kv_put_tree(const NativeCall& call) {
  SQ_TRY(const std::string prefix, tree_of(call));
  const Value& values = call.parameters["values"];
  if (!values.is_dict() || values.empty()) return fail(bad_parameter("`values` is empty"));
  SQ_TRY(ConsulClient consul, client_of(call));
  SQ_CHECK(check_owner(consul, prefix, call.parameters["owner_uid"].string(), call.stop));
  const int64_t flags = call.parameters["flags"].int_or(0);
  Value operations = Value::empty_list();
  for (const auto& [key, value] : values.as_dict()) {
    operations.push_back(Value::dict({{"KV", Value::dict({{"Verb", "set"},
                                                          {"Key", prefix + key},
                                                          {"Value", base64_encode(value_text(value))},
                                                          {"Flags", flags}})}}));
  }
  SQ_TRY([[maybe_unused]] const Value results, consul.transaction(operations, call.stop));
  return NativeAnswer::succeeded(Value::dict({{"prefix", prefix}, {"written", values.size()}}));
}

namespace {

constexpr int64_t kWaitTimeoutSeconds = 3600;
constexpr Duration kBlockFor = std::chrono::seconds(10);
constexpr Duration kLookAgain = std::chrono::seconds(2);
constexpr Duration kBackSoon = std::chrono::milliseconds(50);
// A read that waits holds a thread. Only so many may; the others look again every now and then.
constexpr int kBlockingMax = 4;

class BlockingSeat {
 public:
  BlockingSeat() : taken_(count().fetch_add(1) < kBlockingMax) {
    if (!taken_) count().fetch_sub(1);
  }
  ~BlockingSeat() {
    if (taken_) count().fetch_sub(1);
  }
  BlockingSeat(const BlockingSeat&) = delete;
  BlockingSeat& operator=(const BlockingSeat&) = delete;
  explicit operator bool() const { return taken_; }

 private:
  static std::atomic<int>& count() {
    static std::atomic<int> seats{0};
    return seats;
  }
  const bool taken_;
};

bool is_awaited(const NativeCall& call, std::string_view until, const std::optional<ConsulEntry>& entry) {
  if (until == "missing") return !entry;
  if (!entry) return false;
  if (until == "equals") return entry->value == value_text(call.parameters["value"]);
  if (until == "changed") return entry->modify_index != call.parameters["modify_index"].int_or(0);
  return true;
}

}  // namespace

Result<NativeAnswer> kv_wait(const NativeCall& call) {
  SQ_TRY(const std::string key, key_of(call, "key"));
  const std::string until(call.parameters["until"].string_or("exists"));
  if (until != "exists" && until != "missing" && until != "equals" && until != "changed")
    return fail(bad_parameter("`until` must be exists, missing, equals or changed"));
  SQ_TRY(ConsulClient consul, client_of(call));
  const Timestamp now = call.services.clock.now();
  const int64_t timeout = call.parameters["timeout"].int_or(kWaitTimeoutSeconds);
  const Timestamp deadline =
      parse_timestamp(call.state["deadline"].string_or("")).value_or(now + std::chrono::seconds(timeout));
  const BlockingSeat seat;
  clients::BlockingQuery query(std::min<Duration>(kBlockFor, std::max<Duration>(deadline - now, kBackSoon)),
                               seat ? call.state["index"].int_or(0) : 0);
  SQ_TRY(const std::optional<ConsulEntry> entry, consul.watch(key, query, call.stop));
  if (is_awaited(call, until, entry))
    return NativeAnswer::succeeded(entry ? entry_result(*entry) : missing_result(key));
  const Duration left = deadline - call.services.clock.now();
  if (left <= Duration::zero()) {
    return NativeAnswer::failure(Value::dict(
        {{"error", "the key " + key + " was not as awaited (" + until + ") in time"}, {"code", "TimedOut"}}));
  }
  const Duration delay = seat ? kBackSoon : kLookAgain;
  return NativeAnswer::wait_for(std::min(delay, left),
                                Value::dict({{"deadline", format_timestamp(deadline)}, {"index", query.index()}}),
                                "the key " + key + " is not yet as awaited (" + until + ")");
}

Result<NativeAnswer> transaction(const NativeCall& call) {
  SQ_TRY(ConsulClient consul, client_of(call));
  // Before anything is sent it may wait; afterwards nobody knows whether the transaction took effect.
  SQ_CHECK(consul.check_leader(call.stop));
  auto results = consul.transaction(call.parameters["operations"], call.stop);
  if (results) return NativeAnswer::succeeded(Value::dict({{"results", *results}}));
  const Error& error = results.error();
  if (error.code() != ErrorCode::kUnavailable && error.code() != ErrorCode::kTimeout) return fail(error);
  return fail(Error(ErrorCode::kRemote, error.message() + "; it is not known whether the transaction took effect")
                  .with_type(error.type())
                  .with_http_status(error.http_status()));
}

}  // namespace squall::runners::consul
