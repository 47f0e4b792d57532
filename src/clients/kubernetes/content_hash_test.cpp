#include "clients/kubernetes/content_hash.hpp"

#include <gtest/gtest.h>

#include <set>

#include "value/json.hpp"

namespace squall::kubernetes {
namespace {

uint64_t hash(const std::string& text) { return content_hash(parse_json(text).value()); }

TEST(ContentHash, KnowsContentFromBookkeeping) {
  const uint64_t plain = hash(R"({"kind":"A","metadata":{"name":"x","generation":1},"spec":{"a":1,"b":[1,2]}})");
  EXPECT_NE(plain, kUnknownContent);
  EXPECT_EQ(hash(R"({"kind":"A","metadata":{"name":"x","generation":1,"resourceVersion":"7",
                     "managedFields":[{"manager":"m"}]},"spec":{"a":1,"b":[1,2]}})"),
            plain);
  EXPECT_EQ(hash(R"({"spec":{"b":[1,2],"a":1},"metadata":{"generation":1,"name":"x"},"kind":"A"})"), plain);
}

TEST(ContentHash, DiffersWithEveryPart) {
  const std::set<uint64_t> hashes = {hash(R"({"metadata":{"name":"x"},"spec":{"a":1,"b":2}})"),
                                     hash(R"({"metadata":{"name":"y"},"spec":{"a":1,"b":2}})"),
                                     hash(R"({"metadata":{"name":"x"},"spec":{"a":2,"b":1}})"),
                                     hash(R"({"metadata":{"name":"x"},"spec":{"a":"1","b":2}})"),
                                     hash(R"({"metadata":{"name":"x"},"spec":{"a":1,"b":null}})"),
                                     hash(R"({"metadata":{"name":"x"},"spec":{"a":1}})"),
                                     hash(R"({"metadata":{"name":"x"},"spec":{"a":true,"b":2}})"),
                                     hash(R"({"metadata":{"name":"x"},"spec":{"a":[1,2],"b":2}})"),
                                     hash(R"({"metadata":{"name":"x"},"spec":{"a":[2,1],"b":2}})"),
                                     hash(R"({"metadata":{"name":"x"},"spec":{"a":[[1],2],"b":2}})"),
                                     hash(R"({"metadata":{"name":"x","generation":2},"spec":{"a":1,"b":2}})"),
                                     hash(R"({"metadata":{"name":"x"},"spec":{"a":1,"b":2},"status":{"a":1,"b":2}})"),
                                     hash(R"({"metadata":{"name":"x"},"spec":{"resourceVersion":"1","a":1,"b":2}})"),
                                     hash(R"({"metadata":{"name":"x"},"spec":{"a":{"b":2}}})"),
                                     hash(R"({"metadata":{"name":"x"},"spec":{"a":{},"b":2}})"),
                                     hash(R"({"metadata":{"name":"x"},"spec":{"a":1.5,"b":2}})"),
                                     hash(R"({"metadata":{"name":"x"},"spec":{"a":[],"b":2}})")};
  EXPECT_EQ(hashes.size(), 17u);
}

TEST(ContentHash, TellsNothingOfSecrets) {
  EXPECT_EQ(hash(R"({"apiVersion":"v1","kind":"Secret","data":{"a":"eA=="}})"), kUnknownContent);
  EXPECT_NE(hash(R"({"apiVersion":"v2","kind":"Secret","data":{"a":"eA=="}})"), kUnknownContent);
}

// The hash is saved: another result for the same content would make squall tell of everything after an upgrade.
TEST(ContentHash, IsTheSameInEveryRelease) {
  // mix(kNullTag), by hand: SplitMix64's finalizer of 1.
  uint64_t x = 1;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  const uint64_t null_hash = x ^ (x >> 31);
  const auto finish = [](uint64_t a, uint64_t b) {
    uint64_t y = a * 0x9e3779b97f4a7c15u + b;
    y = (y ^ (y >> 30)) * 0xbf58476d1ce4e5b9u;
    y = (y ^ (y >> 27)) * 0x94d049bb133111ebu;
    return y ^ (y >> 31);
  };
  constexpr uint64_t kFnvOfA = 0xaf63dc4c8601ec8cu;  // FNV-1a's published test vector for "a"
  EXPECT_EQ(hash(R"({"a":null})"), finish(finish(7, finish(kFnvOfA, null_hash)), null_hash));
}

}  // namespace
}  // namespace squall::kubernetes
