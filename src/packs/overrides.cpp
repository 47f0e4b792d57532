#include "packs/overrides.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "packs/metadata_file.hpp"

namespace squall::packs {
namespace {

constexpr std::string_view kKinds[] = {"actions", "aliases", "rules", "sensors"};
constexpr std::string_view kEnabled = "enabled";
constexpr std::string_view kGlobal = "_global";

class Reader {
 public:
  Reader(const YamlDocument& file, bool global, std::vector<Error>& warnings)
      : file_(file), global_(global), warnings_(warnings) {}

  Value read() {
    Value kinds = Value::empty_dict();
    for (const auto& [kind, content] : file_.value.as_dict()) {
      if (std::find(std::begin(kKinds), std::end(kKinds), kind) == std::end(kKinds)) {
        warn(kind, fmt::format("\"{}\" is nothing that can be overridden, so it does not count; use one of: {}", kind,
                               fmt::join(kKinds, ", ")));
      } else if (content.is_dict()) {
        kinds.set(kind, read_kind(kind, content));
      } else if (!content.is_null()) {
        warn(kind, fmt::format("\"{}\" has to be a map with \"defaults\" and \"exceptions\"; it does not count", kind));
      }
    }
    return kinds;
  }

 private:
  void warn(const std::string& path, std::string message) {
    warnings_.emplace_back(ErrorCode::kInvalid, std::move(message), file_.position(path));
  }

  Value read_kind(const std::string& kind, const Value& content) {
    Value usable = Value::empty_dict();
    for (const auto& [key, value] : content.as_dict()) {
      const std::string path = kind + "." + key;
      if (key == "defaults") {
        usable.set(key, attributes(path, value));
      } else if (key == "exceptions" && !global_) {
        usable.set(key, exceptions(path, value));
      } else if (key == "exceptions") {
        warn(path, "\"exceptions\" do not count in _global.yaml; put them into the file of their pack");
      } else {
        warn(path, fmt::format("\"{}\" does not count; known are \"defaults\" and \"exceptions\"", path));
      }
    }
    return usable;
  }

  Value exceptions(const std::string& path, const Value& given) {
    Value usable = Value::empty_dict();
    if (!given.is_dict()) {
      if (!given.is_null()) warn(path, fmt::format("\"{}\" has to be a map of names; it does not count", path));
      return usable;
    }
    for (const auto& [name, value] : given.as_dict()) usable.set(name, attributes(path + "." + name, value));
    return usable;
  }

  Value attributes(const std::string& path, const Value& given) {
    Value usable = Value::empty_dict();
    if (!given.is_dict()) {
      if (!given.is_null()) warn(path, fmt::format("\"{}\" has to be a map, such as {{enabled: false}}", path));
      return usable;
    }
    for (const auto& [key, value] : given.as_dict()) {
      if (key != kEnabled) {
        warn(path + "." + key,
             fmt::format("\"{}\" cannot be overridden and does not count; only \"enabled\" can", key));
      } else if (!value.is_bool()) {
        warn(path + "." + key, fmt::format("\"{}.enabled\" has to be true or false; it does not count", path));
      } else {
        usable.set(key, value);
      }
    }
    return usable;
  }

  const YamlDocument& file_;
  const bool global_;
  std::vector<Error>& warnings_;
};

Value read_overrides(const std::string& path, bool global, std::vector<Error>& warnings) {
  auto file = read_metadata_file(path, warnings, /*empty_is_map=*/true);
  if (file) return Reader(*file, global, warnings).read();
  if (file.error().code() != ErrorCode::kNotFound) warnings.push_back(file.error());
  return {};
}

}  // namespace

Overrides Overrides::read(const std::string& directory, const std::string& pack, std::vector<Error>& warnings) {
  Overrides overrides;
  if (directory.empty()) return overrides;
  overrides.global_ = read_overrides(fmt::format("{}/{}.yaml", directory, kGlobal), true, warnings);
  overrides.own_ = read_overrides(fmt::format("{}/{}.yaml", directory, pack), false, warnings);
  return overrides;
}

bool Overrides::apply(std::string_view kind, Value& document) const {
  const Value before = document[kEnabled];
  Value enabled = before;
  const auto take = [&](const Value& attributes) {
    if (attributes[kEnabled].is_bool()) enabled = attributes[kEnabled];
  };
  take(global_[kind]["defaults"]);
  take(own_[kind]["defaults"]);
  take(own_[kind]["exceptions"][document["name"].string_or("")]);
  if (enabled == before) return false;
  document.set(kEnabled, enabled);
  return true;
}

}  // namespace squall::packs
