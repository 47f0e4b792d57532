// The objects of FakeApiServer, and how they change. For tests.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/strings.hpp"
#include "net/http_message.hpp"
#include "value/json.hpp"
#include "value/value.hpp"

namespace squall::kubernetes::testing {

class FakeObjects {
 public:
  struct Selection {
    std::string plural, space;
    bool covers(const std::string& other_plural, const Value& object) const {
      return plural == other_plural && (space.empty() || object["metadata"]["namespace"].string() == space);
    }
  };
  struct Target : Selection {
    std::string name, subresource;
  };
  struct Event {
    int64_t revision;
    std::string type, plural;
    Value object;
  };
  struct Answer {
    int status;
    Value body;
  };
  struct Type {
    const char* prefix;
    const char* api_version;
    const char* plural;
    const char* kind;
    bool namespaced;
  };

  static const std::vector<Type>& types() {
    static const std::vector<Type> all = {
        {"/apis/squall.dev/v1alpha1", "squall.dev/v1alpha1", "databases", "Database", true},
        {"/apis/events.k8s.io/v1", "events.k8s.io/v1", "events", "Event", true},
        {"/api/v1", "v1", "secrets", "Secret", true},
        {"/api/v1", "v1", "configmaps", "ConfigMap", true},
        {"/api/v1", "v1", "nodes", "Node", false},
    };
    return all;
  }
  static const Type& type_of(const std::string& plural) {
    for (const Type& type : types()) {
      if (plural == type.plural) return type;
    }
    std::abort();
  }

  static std::optional<Target> parse_path(const std::string& path) {
    for (const Type& type : types()) {
      const std::string prefix = std::string(type.prefix) + "/";
      if (!path.starts_with(prefix)) continue;
      std::vector<std::string> parts = split(path.substr(prefix.size()), '/');
      Target target;
      if (parts.size() >= 3 && parts[0] == "namespaces") {
        target.space = parts[1];
        parts.erase(parts.begin(), parts.begin() + 2);
      }
      if (parts[0] != type.plural) continue;
      target.plural = parts[0];
      if (parts.size() > 1) target.name = parts[1];
      if (parts.size() > 2) target.subresource = parts[2];
      return target;
    }
    return std::nullopt;
  }

  static std::optional<Value> discovery(const std::string& path, const std::set<std::string>& removed) {
    List resources;
    std::string version;
    for (const Type& type : types()) {
      if (path != type.prefix || removed.contains(type.plural)) continue;
      version = type.api_version;
      const auto add = [&](const std::string& name) {
        resources.push_back(Value::dict({{"name", name}, {"kind", type.kind}, {"namespaced", type.namespaced}}));
      };
      add(type.plural);
      add(std::string(type.plural) + "/status");
    }
    if (version.empty()) return std::nullopt;
    return Value::dict({{"kind", "APIResourceList"}, {"groupVersion", version}, {"resources", Value(resources)}});
  }

  static Value status(int code, const std::string& reason, const std::string& message) {
    return Value::dict({{"kind", "Status"},
                        {"apiVersion", "v1"},
                        {"status", "Failure"},
                        {"message", message},
                        {"reason", reason},
                        {"code", code}});
  }

  int64_t revision() const { return revision_; }
  void set_revision(int64_t revision) { revision_ = revision; }
  // Uids are never used again.
  void restore(const FakeObjects& backup) {
    const int64_t counter = counter_;
    *this = backup;
    counter_ = counter;
  }
  int64_t compacted() const { return compacted_; }
  void compact() { compacted_ = ++revision_; }
  const std::vector<Event>& history() const { return history_; }
  size_t events_after(int64_t revision) const {
    size_t index = history_.size();
    while (index > 0 && history_[index - 1].revision > revision) --index;
    return index;
  }

  Value find(const std::string& plural, const std::string& space, const std::string& name) const {
    const auto found = objects_.find(key(plural, space, name));
    return found == objects_.end() ? Value() : found->second;
  }
  Value replace(const std::string& plural, const std::string& space, const std::string& name, Value content) {
    const Value old = find(plural, space, name);
    if (content.is_null()) content = Value::empty_dict();
    return store(plural, space, name, std::move(content), old);
  }
  std::vector<Value> all(const Selection& selection) const {
    std::vector<Value> result;
    for (const auto& [id, object] : objects_) {
      if (selection.covers(id.substr(0, id.find('|')), object)) result.push_back(object);
    }
    return result;
  }
  void erase_all(const std::string& plural) {
    for (const Value& object : all({plural, ""})) {
      erase(plural, object["metadata"]["namespace"].string(), object["metadata"]["name"].string());
    }
  }
  void erase(const std::string& plural, const std::string& space, const std::string& name) {
    Value object = find(plural, space, name);
    if (object.is_null()) return;
    Value metadata = object["metadata"];
    metadata.set("resourceVersion", std::to_string(++revision_));
    object.set("metadata", metadata);
    objects_.erase(key(plural, space, name));
    history_.push_back({revision_, "DELETED", plural, object});
  }

  Answer serve(const std::string& method, const Target& target, const net::QueryParameters& query,
               const std::string& content_type, const std::string& body) {
    if (target.name.empty() && method == "GET") return list(target, query);
    Value content;
    if (!body.empty()) {
      auto parsed = parse_json(body);
      if (!parsed) return refuse(400, "BadRequest", "the body is not JSON");
      content = std::move(*parsed);
    }
    if (method == "POST") return create(target, std::move(content));
    const Value live = find(target.plural, target.space, target.name);
    const bool is_apply = content_type == "application/apply-patch+yaml";
    if (live.is_null() && !is_apply) {
      return refuse(404, "NotFound", target.plural + " \"" + target.name + "\" not found");
    }
    if (method == "GET") return {200, live};
    if (method == "DELETE") return remove(target, live, content);
    if (method == "PUT") return write(target, live, std::move(content));
    if (content_type == "application/json-patch+json") return json_patch(target, live, content);
    return write(target, live, merge(live, content));
  }

 private:
  static std::string key(const std::string& plural, const std::string& space, const std::string& name) {
    return plural + "|" + space + "/" + name;
  }
  static std::string query_value(const net::QueryParameters& query, std::string_view name) {
    for (const auto& [parameter, value] : query) {
      if (parameter == name) return value;
    }
    return {};
  }
  static Answer refuse(int code, const std::string& reason, const std::string& message) {
    return {code, status(code, reason, message)};
  }

  // RFC 7386.
  static Value merge(const Value& into, const Value& patch) {
    if (!patch.is_dict()) return patch;
    Value result = into.is_dict() ? into : Value::empty_dict();
    for (const auto& [name, value] : patch.as_dict()) {
      if (value.is_null()) {
        result.erase(name);
      } else {
        result.set(name, merge(result[name], value));
      }
    }
    return result;
  }

  Answer json_patch(const Target& target, const Value& live, const Value& operations) {
    Value object = live;
    for (const Value& operation : operations.as_list()) {
      std::vector<std::string> path = split(operation["path"].string().substr(1), '/');
      const std::string kind = operation["op"].string();
      Value parent = object[path[0]];
      const std::string name = path.at(1);  // tests patch members of metadata and spec only
      if (kind == "test") {
        if (parent[name] != operation["value"])
          return refuse(422, "Invalid", "the server rejected our request due to an error in our request");
        continue;
      }
      if (kind == "remove") {
        parent.erase(name);
      } else if (path.size() == 3 && path[2] == "-") {
        Value list = parent[name];
        list.push_back(operation["value"]);
        parent.set(name, list);
      } else {
        parent.set(name, operation["value"]);
      }
      object.set(path[0], parent);
    }
    return write(target, live, object);
  }

  Answer create(const Target& target, Value content) {
    std::string name = content["metadata"]["name"].string();
    if (name.empty()) name = content["metadata"]["generateName"].string() + std::to_string(++counter_);
    if (name.find(".-") != std::string::npos || name.starts_with(".")) return refuse(422, "Invalid", "bad name");
    if (!find(target.plural, target.space, name).is_null()) {
      return refuse(409, "AlreadyExists", target.plural + " \"" + name + "\" already exists");
    }
    return {201, store(target.plural, target.space, name, std::move(content), Value())};
  }

  Answer write(const Target& target, const Value& live, Value content) {
    const std::string version = content["metadata"]["resourceVersion"].string();
    if (!live.is_null() && !version.empty() && version != live["metadata"]["resourceVersion"].string()) {
      return refuse(409, "Conflict", "the object has been modified; please apply your changes to the latest version");
    }
    // The status changes through its subresource only, and nothing else does there.
    if (!live.is_null()) {
      Value base = target.subresource == "status" ? live : content;
      const Value& source = target.subresource == "status" ? content : live;
      source["status"].is_null() ? base.erase("status") : base.set("status", source["status"]);
      content = base;
    }
    if (!live.is_null() && without_marks(content) == without_marks(live)) return {200, live};
    const int code = live.is_null() ? 201 : 200;
    return {code, store(target.plural, target.space, target.name, std::move(content), live)};
  }

  Answer remove(const Target& target, const Value& live, const Value& options) {
    const std::string uid = options["preconditions"]["uid"].string();
    if (!uid.empty() && uid != live["metadata"]["uid"].string()) return refuse(409, "Conflict", "the UID is another");
    if (live["metadata"]["finalizers"].empty()) {
      erase(target.plural, target.space, target.name);
      return {200, Value::dict({{"kind", "Status"}, {"status", "Success"}})};
    }
    Value object = live;
    Value metadata = live["metadata"];
    metadata.set("deletionTimestamp", "2026-11-22T10:00:00Z");
    object.set("metadata", metadata);
    return {200, store(target.plural, target.space, target.name, object, live)};
  }

  Answer list(const Target& target, const net::QueryParameters& query) {
    const int64_t limit = parse_int(query_value(query, "limit")).value_or(0);
    const std::string token = query_value(query, "continue");
    int64_t at = revision_;
    std::string after;
    if (!token.empty()) {
      at = parse_int(token.substr(0, token.find(':'))).value_or(0);
      after = token.substr(token.find(':') + 1);
      if (at < compacted_) return refuse(410, "Expired", "The provided continue parameter is too old");
    }
    List items;
    Value metadata = Value::dict({{"resourceVersion", std::to_string(at)}});
    for (const auto& [id, object] : objects_) {
      if (id <= after || !target.covers(id.substr(0, id.find('|')), object)) continue;
      if (limit > 0 && items.size() == static_cast<size_t>(limit)) {
        metadata.set("continue", std::to_string(at) + ":" + last_key(target, items.back()));
        break;
      }
      Value item = object;
      if (target.plural != "databases") {  // only lists of custom resources say it of each item
        item.erase("kind");
        item.erase("apiVersion");
      }
      items.push_back(std::move(item));
    }
    const Type& type = type_of(target.plural);
    return {200, Value::dict({{"kind", std::string(type.kind) + "List"},
                              {"apiVersion", type.api_version},
                              {"metadata", metadata},
                              {"items", Value(items)}})};
  }
  static std::string last_key(const Target& target, const Value& object) {
    return key(target.plural, object["metadata"]["namespace"].string(), object["metadata"]["name"].string());
  }

  static Value without_marks(Value object) {
    Value metadata = object["metadata"];
    metadata.erase("resourceVersion");
    metadata.erase("generation");
    object.set("metadata", metadata);
    return object;
  }

  Value store(const std::string& plural, const std::string& space, const std::string& name, Value content,
              const Value& old) {
    const Type& type = type_of(plural);
    Value metadata = content["metadata"].is_dict() ? content["metadata"] : Value::empty_dict();
    metadata.set("name", name);
    if (!space.empty()) metadata.set("namespace", space);
    metadata.set("uid", old.is_null() ? Value("uid-" + std::to_string(++counter_)) : old["metadata"]["uid"]);
    const bool spec_changed = old.is_null() || old["spec"] != content["spec"];
    metadata.set("generation", old["metadata"]["generation"].int_or(0) + (spec_changed ? 1 : 0));
    metadata.set("resourceVersion", std::to_string(++revision_));
    content.set("metadata", metadata);
    content.set("apiVersion", type.api_version);
    content.set("kind", type.kind);
    objects_[key(plural, space, name)] = content;
    history_.push_back({revision_, old.is_null() ? "ADDED" : "MODIFIED", plural, content});
    if (!metadata["deletionTimestamp"].is_null() && metadata["finalizers"].empty()) erase(plural, space, name);
    return content;
  }

  std::map<std::string, Value> objects_;
  std::vector<Event> history_;
  int64_t revision_ = 100;
  int64_t compacted_ = 0;
  int64_t counter_ = 0;
};

}  // namespace squall::kubernetes::testing
