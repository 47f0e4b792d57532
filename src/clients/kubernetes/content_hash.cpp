#include "clients/kubernetes/content_hash.hpp"

#include <bit>
#include <string_view>

#include "clients/kubernetes/secrets.hpp"

namespace squall::kubernetes {
namespace {

// One for each kind, so that "1", 1 and [1] differ.
enum : uint64_t { kNullTag = 1, kBoolTag, kIntTag, kDoubleTag, kTextTag, kListTag, kDictTag, kOtherTag };

// The finalizer of SplitMix64: every bit of the input moves every bit of the result.
uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

uint64_t combine(uint64_t a, uint64_t b) { return mix(a * 0x9e3779b97f4a7c15u + b); }

// FNV-1a.
uint64_t hash_text(std::string_view text) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

using Skip = bool (*)(std::string_view name);

uint64_t hash_value(const Value& value);

// A sum, for the order of the members means nothing.
uint64_t hash_members(const Value& dict, Skip skip) {
  uint64_t sum = 0;
  for (const auto& [name, member] : dict.as_dict()) {
    if (skip == nullptr || !skip(name)) sum += combine(hash_text(name), hash_value(member));
  }
  return combine(kDictTag, sum);
}

uint64_t hash_value(const Value& value) {
  switch (value.kind()) {
    case Kind::kNull: return mix(kNullTag);
    case Kind::kBool: return combine(kBoolTag, value.as_bool() ? 1 : 0);
    case Kind::kInt: return combine(kIntTag, static_cast<uint64_t>(value.as_int()));
    case Kind::kUInt: return combine(kIntTag, value.as_uint());
    case Kind::kDouble: return combine(kDoubleTag, std::bit_cast<uint64_t>(value.as_double()));
    case Kind::kString: return combine(kTextTag, hash_text(value.as_string()));
    case Kind::kList: {
      uint64_t hash = mix(kListTag);
      for (const Value& item : value.as_list()) hash = combine(hash, hash_value(item));
      return hash;
    }
    case Kind::kDict: return hash_members(value, nullptr);
    default: return mix(kOtherTag);  // nothing that JSON has
  }
}

bool is_bookkeeping(std::string_view name) { return name == "resourceVersion" || name == "managedFields"; }

}  // namespace

uint64_t content_hash(const Value& object) {
  if (!object.is_dict() || is_secret(object)) return kUnknownContent;
  const uint64_t rest = hash_members(object, [](std::string_view name) { return name == "metadata"; });
  const Value& metadata = object["metadata"];
  const uint64_t hash =
      combine(rest, metadata.is_dict() ? hash_members(metadata, is_bookkeeping) : hash_value(metadata));
  return hash == kUnknownContent ? 1 : hash;
}

}  // namespace squall::kubernetes
