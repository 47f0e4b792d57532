#include "engine/datastore.hpp"

#include <algorithm>

#include "base/ids.hpp"
#include "base/log.hpp"
#include "store/document.hpp"
#include "value/json_form.hpp"

namespace squall::engine {
namespace {

using store::Collection;
using store::Compare;

// A pair as triggers show it: as it is stored, so that a secret stays encrypted.
Value shown_object(const Value& pair) {
  Value shown = Value::empty_dict();
  for (const char* name :
       {"id", "uid", "name", "scope", "value", "secret", "encrypted", "description", "expire_timestamp"}) {
    if (!pair[name].is_null()) shown.set(name, pair[name]);
  }
  return shown;
}

}  // namespace

std::string key_value_id(std::string_view scope, std::string_view name) {
  return std::string(scope) + ":" + std::string(name);
}

bool is_expired(const Value& key_value, Timestamp now) {
  const auto expires = parse_timestamp(key_value["expire_timestamp"].string_or(""));
  return expires && *expires <= now;
}

Datastore::~Datastore() {
  if (timer_ != 0) executor_.cancel(timer_);
}

Status Datastore::start() {
  return store_.read([this](store::ReadTx& tx) -> Status {
    store::Query query;
    query.filters = {{"expire_timestamp", Compare::kNotNull, Value()}};
    query.sort = {{"expire_timestamp", false}};
    query.limit = 1;
    SQ_TRY(const store::Page page, tx.list(Collection::kKeyValues, query));
    for (const store::Record& record : page.records) {
      if (const auto due = parse_timestamp(record.document["expire_timestamp"].string_or("")); due) arm(*due);
    }
    return {};
  });
}

Result<Value> Datastore::find(const std::string& scope, const std::string& name) const {
  const std::string id = key_value_id(scope, name);
  if (const auto found = in_flight_.find(id); found != in_flight_.end()) {
    return is_expired(found->second.pair, clock_.now()) ? Value() : found->second.pair;
  }
  SQ_TRY(Value pair, store_.find(Collection::kKeyValues, id));
  return is_expired(pair, clock_.now()) ? Value() : pair;
}

void Datastore::set(Value pair, const Done& done) {
  const std::string scope = pair["scope"].string(), name = pair["name"].string();
  const auto old = find(scope, name);
  if (!old) return done(fail(old.error()));
  pair.set("uid", "key_value_pair:" + scope + ":" + name);
  pair.set("id", old->is_null() ? Value(new_object_id(clock_)) : (*old)["id"]);
  const auto form = json_form(pair);
  const Status storable =
      form ? store::check_document(Collection::kKeyValues, key_value_id(scope, name), *form) : Status();
  if (!form) return done(fail(form.error()));
  if (!storable) return done(fail(storable.error()));
  Changes changes;
  if (old->is_null()) {
    dispatch_("core.st2.key_value_pair.create", Value::dict({{"object", shown_object(pair)}}), changes);
  } else {
    dispatch_("core.st2.key_value_pair.update", Value::dict({{"object", shown_object(pair)}}), changes);
    if ((*old)["value"] != pair["value"]) {
      dispatch_("core.st2.key_value_pair.value_change",
                Value::dict({{"old_object", shown_object(*old)}, {"new_object", shown_object(pair)}}), changes);
    }
  }
  changes.put(Collection::kKeyValues, key_value_id(scope, name), pair);
  if (const auto due = parse_timestamp(pair["expire_timestamp"].string_or("")); due) arm(*due);
  commit(key_value_id(scope, name), pair, std::move(changes), pair, done);
}

void Datastore::remove(const std::string& scope, const std::string& name, const Done& done) {
  const auto old = find(scope, name);
  if (!old || old->is_null()) return done(old);
  Changes changes;
  dispatch_("core.st2.key_value_pair.delete", Value::dict({{"object", shown_object(*old)}}), changes);
  changes.erase(Collection::kKeyValues, key_value_id(scope, name));
  commit(key_value_id(scope, name), Value(), std::move(changes), *old, done);
}

void Datastore::commit(const std::string& id, const Value& pair, Changes changes, const Value& answer,
                       const Done& done) {
  InFlight& flight = in_flight_[id];
  flight.pair = pair;
  ++flight.commits;
  committer_.commit(std::move(changes), [this, id, answer, done](const Status& status) {
    if (const auto found = in_flight_.find(id); found != in_flight_.end() && --found->second.commits == 0)
      in_flight_.erase(found);
    done(status ? Result<Value>(answer) : fail(status.error()));
  });
}

void Datastore::arm(Timestamp due) {
  if (due_ && *due_ <= due) return;
  if (timer_ != 0) executor_.cancel(timer_);
  due_ = due;
  const Duration delay = std::max(Duration::zero(), due - clock_.now());
  timer_ = executor_.post_after(delay, [this] { sweep(); });
}

// Erases what has expired, in the transaction's own view: a pair that was set anew meanwhile stays.
void Datastore::sweep() {
  timer_ = 0;
  due_.reset();
  Changes changes;
  changes.add([now = clock_.now()](store::WriteTx& tx) -> Status {
    store::Query query;
    query.filters = {{"expire_timestamp", Compare::kLessOrEqual, Value(format_timestamp(now))}};
    query.ids_only = true;
    SQ_TRY(const store::Page page, tx.list(Collection::kKeyValues, query));
    for (const store::Record& record : page.records) {
      SQ_TRY([[maybe_unused]] const bool existed, tx.erase(Collection::kKeyValues, record.id));
    }
    return {};
  });
  committer_.commit(std::move(changes), [this](const Status&) {
    if (const Status next = start(); !next)
      log_warning("expired datastore values cannot be looked for", {{"error", next.error().to_string()}});
  });
}

}  // namespace squall::engine
