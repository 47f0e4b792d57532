#include "clients/kubernetes/object_cache.hpp"

#include "clients/kubernetes/resource.hpp"

namespace squall::kubernetes {

std::string_view change_name(ChangeType type) {
  switch (type) {
    case ChangeType::kCreated: return "created";
    case ChangeType::kModified: return "modified";
    case ChangeType::kDeleted: return "deleted";
  }
  return "";
}

void ObjectCache::restore(std::string key, Entry entry) { entries_.insert_or_assign(std::move(key), std::move(entry)); }

void ObjectCache::clear() {
  entries_.clear();
  unseen_.clear();
}

Change ObjectCache::deletion(const std::string& key, const Entry& entry) const {
  Change change;
  change.type = ChangeType::kDeleted;
  change.key = key;
  change.uid = entry.uid;
  change.resource_version = entry.resource_version;
  change.final_state_unknown = true;
  return change;
}

void ObjectCache::apply_object(const Value& object, std::vector<Change>& changes) {
  const Value& metadata = object["metadata"];
  Change change;
  change.key = object_key(object);
  change.uid = metadata["uid"].string();
  change.resource_version = metadata["resourceVersion"].string();
  change.object = object;
  const auto found = entries_.find(change.key);
  if (found != entries_.end() && found->second.uid == change.uid) {
    if (found->second.resource_version == change.resource_version) return;
    found->second.resource_version = change.resource_version;
    change.type = ChangeType::kModified;
    change.announced = found->second.announced;
  } else {
    if (found != entries_.end()) changes.push_back(deletion(change.key, found->second));
    change.announced = announcing_;
    entries_.insert_or_assign(change.key, Entry{change.uid, change.resource_version, announcing_});
  }
  changes.push_back(std::move(change));
}

std::vector<Change> ObjectCache::apply_event(std::string_view type, const Value& object) {
  std::vector<Change> changes;
  if (type != "DELETED") {
    apply_object(object, changes);
    return changes;
  }
  const auto found = entries_.find(object_key(object));
  if (found == entries_.end()) return changes;
  Change change = deletion(found->first, found->second);
  if (object["metadata"]["uid"].string_or("") == change.uid) {
    change.final_state_unknown = false;
    change.resource_version = object["metadata"]["resourceVersion"].string();
    change.object = object;
  }
  entries_.erase(found);
  changes.push_back(std::move(change));
  return changes;
}

void ObjectCache::begin_list() {
  unseen_.clear();
  for (const auto& [key, entry] : entries_) unseen_.insert(unseen_.end(), key);
}

std::vector<Change> ObjectCache::apply_page(const List& items) {
  std::vector<Change> changes;
  for (const Value& item : items) {
    unseen_.erase(object_key(item));
    apply_object(item, changes);
  }
  return changes;
}

std::vector<Change> ObjectCache::end_list() {
  std::vector<Change> changes;
  for (const std::string& key : unseen_) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) continue;
    changes.push_back(deletion(key, found->second));
    entries_.erase(found);
  }
  unseen_.clear();
  return changes;
}

std::vector<Change> ObjectCache::set_announcing(bool announcing) {
  announcing_ = announcing;
  std::vector<Change> changes;
  if (!announcing) return changes;
  for (auto& [key, entry] : entries_) {
    if (entry.announced) continue;
    entry.announced = true;
    Change change;
    change.key = key;
    change.uid = entry.uid;
    change.resource_version = entry.resource_version;
    change.announced_late = true;
    changes.push_back(std::move(change));
  }
  return changes;
}

}  // namespace squall::kubernetes
