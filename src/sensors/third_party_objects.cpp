#include "sensors/third_party_objects.hpp"

#include <set>

#include "crypto/hash.hpp"
#include "value/json.hpp"

namespace squall::sensors {
namespace {

using store::Collection;
using store::Compare;

constexpr std::string_view kPrefix = "thirdparty/";

Value with_event(const Value& payload, std::string_view event) {
  Value told = payload;
  told.set("resource", event);
  return told;
}

}  // namespace

Status ThirdPartyObjects::load(store::Store& store) {
  known_.clear();
  dirty_.clear();
  return store.read([this](store::ReadTx& transaction) -> Status {
    store::Query query;
    query.filters = {{"scope", Compare::kEqual, scope_}};
    SQ_TRY(const auto page, transaction.list(Collection::kSensorObjects, query));
    for (const store::Record& record : page.records) {
      const Value& document = record.document;
      known_[record.id.substr(scope_.size() + 1)] = {document["uid"].string(), document["resourceVersion"].string(),
                                                     document["object"]};
    }
    return {};
  });
}

Result<ThirdPartyObjects::Heard> ThirdPartyObjects::read(const Value& object) {
  const Value& metadata = object["metadata"];
  const std::string name = metadata["name"].string();
  const std::string kind = object["kind"].string();
  if (name.empty() || kind.empty())
    return fail(ErrorCode::kInvalid, "an object without \"kind\" or \"metadata.name\" came over the watch");
  const std::string space = metadata["namespace"].string();
  Heard heard;
  heard.key = space + "/" + name;
  heard.object.uid = metadata["uid"].string();
  heard.object.version = metadata["resourceVersion"].string();
  // Without a version the content itself tells whether something has changed.
  if (heard.object.version.empty()) heard.object.version = crypto::sha256_hex(to_json(object));
  heard.object.payload =
      Value::dict({{"resource", ""},
                   {"name", name},
                   {"labels", metadata["labels"].is_dict() ? metadata["labels"] : Value::empty_dict()},
                   {"namespace", space},
                   {"object_kind", kind},
                   {"uid", heard.object.uid}});
  return heard;
}

void ThirdPartyObjects::set(const std::string& key, Known object) {
  dirty_[key] = object;
  known_[key] = std::move(object);
}

void ThirdPartyObjects::forget(const std::string& key, std::vector<ThirdPartyChange>& changes) {
  const auto found = known_.find(key);
  if (found == known_.end()) return;
  changes.push_back({key, "DELETED", with_event(found->second.payload, "DELETED")});
  known_.erase(found);
  dirty_[key] = std::nullopt;
}

void ThirdPartyObjects::hear(Heard heard, std::vector<ThirdPartyChange>& changes) {
  auto found = known_.find(heard.key);
  // The same name again is another object.
  if (found != known_.end() && found->second.uid != heard.object.uid) {
    forget(heard.key, changes);
    found = known_.end();
  }
  if (found != known_.end() && found->second.version == heard.object.version) return;
  const std::string event = found == known_.end() ? "ADDED" : "MODIFIED";
  changes.push_back({heard.key, event, with_event(heard.object.payload, event)});
  set(heard.key, std::move(heard.object));
}

Result<std::vector<ThirdPartyChange>> ThirdPartyObjects::apply(std::string_view event, const Value& object) {
  std::vector<ThirdPartyChange> changes;
  SQ_TRY(Heard heard, read(object));
  if (event == "DELETED") {
    const auto found = known_.find(heard.key);
    if (found == known_.end() || found->second.uid != heard.object.uid) return changes;
    found->second.payload = heard.object.payload;  // its last words
    forget(heard.key, changes);
  } else if (event == "ADDED" || event == "MODIFIED") {
    hear(std::move(heard), changes);
  } else {
    return fail(ErrorCode::kInvalid, "an event of the unknown type \"" + std::string(event) + "\" came over the watch");
  }
  return changes;
}

std::vector<ThirdPartyChange> ThirdPartyObjects::replace(const Value& items, int64_t& refused) {
  std::vector<ThirdPartyChange> changes;
  std::set<std::string> present;
  std::vector<Heard> all;
  refused = 0;
  for (size_t i = 0; items.is_list() && i < items.size(); ++i) {
    auto heard = read(items[i]);
    if (!heard) {
      ++refused;
      continue;
    }
    present.insert(heard->key);
    all.push_back(std::move(*heard));
  }
  std::vector<std::string> gone;
  for (const auto& [key, object] : known_) {
    if (!present.contains(key)) gone.push_back(key);
  }
  for (const std::string& key : gone) forget(key, changes);
  for (Heard& heard : all) hear(std::move(heard), changes);
  return changes;
}

store::Store::WriteFunction ThirdPartyObjects::take_writes() {
  if (dirty_.empty()) return {};
  return [scope = scope_, writes = std::exchange(dirty_, {})](store::WriteTx& transaction) -> Status {
    for (const auto& [key, object] : writes) {
      const std::string id = scope + "/" + key;
      if (!object) {
        SQ_CHECK(transaction.erase(Collection::kSensorObjects, id));
        continue;
      }
      SQ_CHECK(transaction.put(Collection::kSensorObjects, id,
                               Value::dict({{"scope", scope},
                                            {"uid", object->uid},
                                            {"resourceVersion", object->version},
                                            {"object", object->payload}})));
    }
    return {};
  };
}

Status erase_other_third_party_scopes(store::WriteTx& transaction, const std::string& scope) {
  store::Query query;
  query.filters = {{"id", Compare::kPrefix, std::string(kPrefix)}};
  query.ids_only = true;
  SQ_TRY(const auto page, transaction.list(Collection::kSensorObjects, query));
  for (const store::Record& record : page.records) {
    if (!record.id.starts_with(scope + "/")) SQ_CHECK(transaction.erase(Collection::kSensorObjects, record.id));
  }
  return {};
}

}  // namespace squall::sensors
