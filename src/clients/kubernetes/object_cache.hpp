// ObjectCache: what was last seen of each object of one resource, and what changed since. Pure: no I/O, no clock.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "clients/kubernetes/content_hash.hpp"
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
  uint64_t hash = kUnknownContent;  // see content_hash()
  // The new state; of a deleted object the last one. Null when it was seen earlier only: the queue looks it up. Its
  // marks only when it is neither told of nor kept.
  Value object;
  // The state before; null for created objects. Looked up by the queue.
  Value old_object;
  // Deleted while nobody watched: `object` is what was last seen, not what was there at the end.
  bool final_state_unknown = false;
  // False: recorded, but nobody is to be told: an object that was there before anybody asked for created ones, or one
  // whose content is the same as before.
  bool told = true;
  bool announced = true;  // to be recorded; see ObjectCache::Entry
  bool whole = true;      // to be recorded

  // What is to be recorded of the object: all of it or its marks_of(); null of a deleted one.
  Value kept() const;
};

// What stands for an object where the whole of it is not kept: {apiVersion, kind, metadata: {namespace, name, uid,
// resourceVersion, generation}}.
Value marks_of(const Value& object);

// Level-triggered: whatever way the news comes in (a list, an event, the same thing twice), each difference comes out
// once. An object is the same as before when namespace, name, uid and content are; where the content is unknown
// (Secrets), its resourceVersion decides. So neither an update that changed nothing nor a server that was restored from
// a backup, and counts its versions anew, repeats anything. The same name with another uid is a deletion and a
// creation. Holds no objects, only their marks: about 250 bytes each.
class ObjectCache {
 public:
  struct Entry {
    std::string uid;
    std::string resource_version;
    uint64_t hash = kUnknownContent;
    bool announced = true;  // its creation was told of, or is not to be told of any more
    bool whole = true;      // storage has the whole object; false: its marks
  };

  // Puts back what was saved.
  void restore(std::string key, Entry entry);
  void clear();
  size_t size() const { return slots_.size(); }

  // An event of a watch: type "ADDED", "MODIFIED" or "DELETED".
  std::vector<Change> apply_event(std::string_view type, const Value& object);

  // A list comes in parts; what none of them had is deleted when it ends. begin_list() again starts over. Events may
  // come in between.
  void begin_list();
  std::vector<Change> apply_page(const List& items);
  std::vector<Change> end_list();

  // While nobody wants to hear of created objects they are only recorded. Once somebody does, those come out, once,
  // with the next list.
  void set_announcing(bool announcing) { announcing_ = announcing; }
  // Whether whole objects are wanted as `old_object` and as the last state of what was deleted unseen. Those that
  // storage lacks are recorded with the next list.
  void set_keeping(bool keeping) { keeping_ = keeping; }
  // Is there anything that only a list brings out?
  bool needs_list() const;

 private:
  struct Slot {
    Entry entry;
    uint32_t list = 0;  // the list that had it last
  };

  void apply_object(const Value& object, std::vector<Change>& changes);
  static Change deletion(const std::string& key, const Entry& entry);

  std::map<std::string, Slot, std::less<>> slots_;
  uint32_t list_ = 0;
  bool announcing_ = true;
  bool keeping_ = true;
};

}  // namespace squall::kubernetes
