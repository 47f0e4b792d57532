#include "workflow/orquesta/value_hash.hpp"

#include <cstring>

#include "base/limits.hpp"

namespace squall::workflow::orquesta {

namespace {

// splitmix64's last step: every bit of the input reaches every bit of the output.
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

uint64_t hash_number(double number) {
  if (number == 0) number = 0;  // -0.0 equals 0.0
  uint64_t bits = 0;
  std::memcpy(&bits, &number, sizeof(bits));
  return mix(bits ^ 0x6e);
}

uint64_t hash_at(const Value& value, size_t depth) {
  if (depth > limits::kJsonDepthMax) return 0;
  switch (value.kind()) {
    case Kind::kNull: return 1;
    case Kind::kBool: return value.as_bool() ? 3 : 2;
    case Kind::kInt:
    case Kind::kUInt:
    case Kind::kDouble: return hash_number(value.as_double());
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kSet: {
      uint64_t hash = mix(static_cast<uint64_t>(value.kind()));
      for (const Value& item : value.as_list()) hash = mix(hash ^ hash_at(item, depth + 1));
      return hash;
    }
    case Kind::kDict: {
      uint64_t hash = 0;  // a sum has no order
      for (const auto& [key, member] : value.as_dict()) hash += mix(hash_text(key) ^ mix(hash_at(member, depth + 1)));
      return mix(hash);
    }
    case Kind::kDateTime: {
      const DateTime time = value.as_date_time();
      return mix(static_cast<uint64_t>(time.micros) ^ mix(static_cast<uint64_t>(time.offset_seconds)));
    }
    case Kind::kDate: return mix(static_cast<uint64_t>(value.as_date()) ^ 0x64);
    case Kind::kTimeDelta: return mix(static_cast<uint64_t>(value.as_time_delta()) ^ 0x74);
    case Kind::kObject: return hash_text(value.as_object()->repr());
    default: return hash_text(value.as_string());
  }
}

}  // namespace

uint64_t hash_of(const Value& value) { return hash_at(value, 0); }

uint64_t hash_text(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325 ^ text.size();
  while (text.size() >= 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data(), 8);
    hash = mix(hash ^ word);
    text.remove_prefix(8);
  }
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return mix(hash);
}

void Hasher::add(uint64_t part) { state_ = mix(state_ ^ mix(part)); }

}  // namespace squall::workflow::orquesta
