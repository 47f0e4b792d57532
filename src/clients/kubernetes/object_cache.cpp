#include "clients/kubernetes/object_cache.hpp"

#include <algorithm>

#include "clients/kubernetes/resource.hpp"

namespace squall::kubernetes {
namespace {

bool is_same_content(const ObjectCache::Entry& entry, const Change& now) {
  if (entry.hash == kUnknownContent || now.hash == kUnknownContent)
    return entry.resource_version == now.resource_version;
  return entry.hash == now.hash;
}

}  // namespace

std::string_view change_name(ChangeType type) {
  switch (type) {
    case ChangeType::kCreated: return "created";
    case ChangeType::kModified: return "modified";
    case ChangeType::kDeleted: return "deleted";
  }
  return "";
}

Value marks_of(const Value& object) {
  const auto copy = [](const Value& from, std::initializer_list<std::string_view> names) {
    Value to = Value::empty_dict();
    for (const std::string_view name : names) {
      if (from.is_dict() && from.contains(name)) to.set(name, from[name]);
    }
    return to;
  };
  Value marks = copy(object, {"apiVersion", "kind"});
  marks.set("metadata", copy(object["metadata"], {"namespace", "name", "uid", "resourceVersion", "generation"}));
  return marks;
}

Value Change::kept() const {
  if (type == ChangeType::kDeleted) return {};
  return whole ? object : marks_of(object);
}

void ObjectCache::restore(std::string key, Entry entry) {
  slots_.insert_or_assign(std::move(key), Slot{std::move(entry), list_});
}

void ObjectCache::clear() { slots_.clear(); }

Change ObjectCache::deletion(const std::string& key, const Entry& entry) {
  Change change;
  change.type = ChangeType::kDeleted;
  change.key = key;
  change.uid = entry.uid;
  change.resource_version = entry.resource_version;
  change.hash = entry.hash;
  change.final_state_unknown = true;
  change.whole = entry.whole;
  return change;
}

void ObjectCache::apply_object(const Value& object, std::vector<Change>& changes) {
  const Value& metadata = object["metadata"];
  Change change;
  change.key = object_key(object);
  change.uid = metadata["uid"].string();
  change.resource_version = metadata["resourceVersion"].string();
  change.hash = content_hash(object);
  change.whole = keeping_;
  const auto push = [&](ChangeType type, bool told) {
    change.type = type;
    change.told = told;
    change.object = told || keeping_ ? object : marks_of(object);
    changes.push_back(change);
  };

  const auto found = slots_.find(change.key);
  const bool is_known = found != slots_.end() && found->second.entry.uid == change.uid;
  if (!is_known) {
    if (found != slots_.end()) changes.push_back(deletion(change.key, found->second.entry));
    change.announced = announcing_;
    push(ChangeType::kCreated, announcing_);
  } else {
    const Entry& before = found->second.entry;
    const bool is_late = announcing_ && !before.announced;
    const bool is_different = !is_same_content(before, change);
    change.announced = before.announced || announcing_;
    if (is_different) push(ChangeType::kModified, true);
    if (is_late) push(ChangeType::kCreated, true);
    if (!is_different && !is_late) {
      if (before.resource_version == change.resource_version && before.whole == keeping_ &&
          before.hash == change.hash) {
        found->second.list = list_;
        return;
      }
      push(ChangeType::kModified, false);
    }
  }
  Slot& slot = is_known ? found->second : slots_[change.key];
  slot = Slot{Entry{change.uid, change.resource_version, change.hash, change.announced, change.whole}, list_};
}

std::vector<Change> ObjectCache::apply_event(std::string_view type, const Value& object) {
  std::vector<Change> changes;
  if (type != "DELETED") {
    apply_object(object, changes);
    return changes;
  }
  const auto found = slots_.find(object_key(object));
  if (found == slots_.end()) return changes;
  Change change = deletion(found->first, found->second.entry);
  if (object["metadata"]["uid"].string_or("") == change.uid) {
    change.final_state_unknown = false;
    change.resource_version = object["metadata"]["resourceVersion"].string();
    change.object = object;
  }
  slots_.erase(found);
  changes.push_back(std::move(change));
  return changes;
}

void ObjectCache::begin_list() { ++list_; }

std::vector<Change> ObjectCache::apply_page(const List& items) {
  std::vector<Change> changes;
  for (const Value& item : items) apply_object(item, changes);
  return changes;
}

std::vector<Change> ObjectCache::end_list() {
  std::vector<Change> changes;
  for (auto it = slots_.begin(); it != slots_.end();) {
    if (it->second.list == list_) {
      ++it;
      continue;
    }
    changes.push_back(deletion(it->first, it->second.entry));
    it = slots_.erase(it);
  }
  return changes;
}

bool ObjectCache::needs_list() const {
  return std::any_of(slots_.begin(), slots_.end(), [this](const auto& slot) {
    return (announcing_ && !slot.second.entry.announced) || (keeping_ && !slot.second.entry.whole);
  });
}

}  // namespace squall::kubernetes
