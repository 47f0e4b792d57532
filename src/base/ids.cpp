#include "base/ids.hpp"

#include <sys/random.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <limits>

#include "base/assert.hpp"

namespace squall {
namespace {

constexpr char kHex[] = "0123456789abcdef";

class SystemRandom final : public Random {
 public:
  void fill(void* bytes, size_t count) override {
    auto* at = static_cast<unsigned char*>(bytes);
    while (count > 0) {
      const ssize_t got = getrandom(at, count, 0);
      if (got < 0 && errno == EINTR) continue;
      SQ_ASSERT(got > 0);
      at += got;
      count -= static_cast<size_t>(got);
    }
  }
};

struct IdSource {
  std::array<unsigned char, 5> process;
  std::atomic<uint32_t> counter;

  IdSource() {
    Random::system().fill(process.data(), process.size());
    uint32_t start = 0;
    Random::system().fill(&start, sizeof start);
    // Low half only: ids of one process keep sorting by creation for the first 8 million of them.
    counter = start & 0x7fffff;
  }
};

void append_hex(std::string& out, unsigned char byte) {
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

}  // namespace

uint64_t Random::below(uint64_t bound) {
  SQ_ASSERT(bound > 0);
  const uint64_t limit = std::numeric_limits<uint64_t>::max() - std::numeric_limits<uint64_t>::max() % bound;
  uint64_t value = 0;
  do {
    fill(&value, sizeof value);
  } while (value >= limit);
  return value % bound;
}

std::string Random::hex(size_t count) {
  std::string bytes((count + 1) / 2, '\0');
  fill(bytes.data(), bytes.size());
  std::string text;
  for (const char byte : bytes) append_hex(text, static_cast<unsigned char>(byte));
  text.resize(count);
  return text;
}

std::string Random::uuid4() {
  std::array<unsigned char, 16> bytes{};
  fill(bytes.data(), bytes.size());
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    append_hex(text, bytes[i]);
  }
  return text;
}

Random& Random::system() {
  static SystemRandom random;
  return random;
}

std::string new_object_id(const Clock& clock) {
  static IdSource source;
  const auto seconds =
      static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(clock.now().time_since_epoch()).count());
  const uint32_t count = source.counter.fetch_add(1, std::memory_order_relaxed) & 0xffffff;
  std::string id;
  id.reserve(24);
  for (int shift = 24; shift >= 0; shift -= 8) append_hex(id, static_cast<unsigned char>(seconds >> shift));
  for (const unsigned char byte : source.process) append_hex(id, byte);
  for (int shift = 16; shift >= 0; shift -= 8) append_hex(id, static_cast<unsigned char>(count >> shift));
  return id;
}

bool is_object_id(std::string_view text) {
  if (text.size() != 24) return false;
  for (const char c : text) {
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (!hex) return false;
  }
  return true;
}

}  // namespace squall
