// ObjectCache: what was last seen of each object of one resource, and what changed since. Pure: no I/O, no clock.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "value/value.hpp"

namespace squall::kubernetes {

enum class ChangeType { kCreated, kModified, kDeleted };
// "created", "modified", "deleted".
std::string_view change_name(ChangeType type);

// One true difference between what was seen before and what is now.
struct Change {
  ChangeType type = ChangeType::kCreated;
  std::string key;  // "namespace/name"; "/name" for cluster-scoped objects
  std::string uid;
  std::string resource_version;
  // The new state; of a deleted object the last one. Null when it was seen earlier only: the informer looks it up.
  Value object;
  // The state before; null for created objects. Looked up by the informer.
  Value old_object;
  // Deleted while nobody watched: `object` is what was last seen, not what was there at the end.
  bool final_state_unknown = false;
  // False: recorded, but nobody is to be told; see ObjectCache::set_announcing().
  bool announced = true;
  // Created long ago and told only now.
  bool announced_late = false;
};

// Level-triggered: whatever way the news comes in (a list, an event, the same thing twice), each difference comes out once.
// An object is the same as before when namespace, name, uid and resourceVersion are; the same name with another uid is a
// deletion and a creation. Holds no objects, only their marks: about 200 bytes each.
class ObjectCache {
 public:
  struct Entry {
    std::string uid;
    std::string resource_version;
    bool announced = true;
  };

  // Puts back what was saved.
  void restore(std::string key, Entry entry);
  void clear();
  size_t size() const { return entries_.size(); }

  // An event of a watch: type "ADDED", "MODIFIED" or "DELETED".
  std::vector<Change> apply_event(std::string_view type, const Value& object);

  // A list comes in pages; what none of them had is deleted when it ends. begin_list() again starts over.
  void begin_list();
  std::vector<Change> apply_page(const List& items);
  std::vector<Change> end_list();

  // While nobody wants to hear of created objects they are only recorded. Once somebody does, those come out (without
  // `object`), once.
  std::vector<Change> set_announcing(bool announcing);

 private:
  void apply_object(const Value& object, std::vector<Change>& changes);
  Change deletion(const std::string& key, const Entry& entry) const;

  std::map<std::string, Entry, std::less<>> entries_;
  std::set<std::string, std::less<>> unseen_;  // by the list that is coming in
  bool announcing_ = true;
};

}  // namespace squall::kubernetes
