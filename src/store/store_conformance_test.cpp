// One suite for every back end: what store.hpp promises.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <limits>
#include <mutex>
#include <thread>

#include "store/memory/memory_store.hpp"
#include "store/sqlite/sqlite_store.hpp"
#include "store/store_limits.hpp"
#include "store/test_directory.hpp"

namespace squall::store {
namespace {

struct MemoryBackEnd {
  std::unique_ptr<Store> open() { return std::make_unique<MemoryStore>(); }
};

struct SteppedMemoryBackEnd {
  std::unique_ptr<Store> open() { return std::make_unique<MemoryStore>(MemoryOptions{.own_thread = false}); }
};

struct SqliteBackEnd {
  TestDirectory directory;
  std::unique_ptr<Store> open() {
    auto opened = open_sqlite_store({.directory = directory.path()});
    if (opened) return std::move(*opened);
    ADD_FAILURE() << opened.error().to_string();
    std::abort();
  }
};

template <typename BackEnd>
class StoreConformance : public ::testing::Test {
 protected:
  BackEnd back_end;
  std::unique_ptr<Store> store = back_end.open();

  Status write(Store::WriteFunction function) { return store->write_and_wait(std::move(function)); }
  void must_write(Store::WriteFunction function) {
    const Status status = write(std::move(function));
    ASSERT_TRUE(status) << status.error().to_string();
  }
  std::optional<Record> get(Collection collection, std::string_view id) {
    std::optional<Record> record;
    const Status status = store->read([&](ReadTx& tx) -> Status {
      SQ_TRY(record, tx.get(collection, id));
      return {};
    });
    EXPECT_TRUE(status) << status.error().to_string();
    return record;
  }
  Result<Page> list(Collection collection, const Query& query) {
    Page page;
    SQ_CHECK(store->read([&](ReadTx& tx) -> Status {
      SQ_TRY(page, tx.list(collection, query));
      return {};
    }));
    return page;
  }
  std::vector<std::string> ids(Collection collection, const Query& query) {
    const auto page = list(collection, query);
    if (!page) return {page.error().to_string()};
    std::vector<std::string> found;
    for (const Record& record : page->records) found.push_back(record.id);
    return found;
  }
  std::vector<std::string> matching(Filter filter) { return ids(Collection::kRules, {.filters = {std::move(filter)}}); }
  ErrorCode list_error(const Query& query) {
    const auto page = list(Collection::kRules, query);
    return page ? ErrorCode::kInternal : page.error().code();
  }
};

using BackEnds = ::testing::Types<MemoryBackEnd, SteppedMemoryBackEnd, SqliteBackEnd>;
TYPED_TEST_SUITE(StoreConformance, BackEnds);

Value rule(std::string_view name, const Value& pack, const Value& enabled) {
  return Value::dict(
      {{"name", name}, {"pack", pack}, {"enabled", enabled}, {"action", Value::dict({{"ref", "core.noop"}})}});
}

using Ids = std::vector<std::string>;

TYPED_TEST(StoreConformance, GivesBackWhatWasPut) {
  const Value document = Value::dict({
      {"name", "r"},
      {"zero", 0},
      {"big", std::numeric_limits<int64_t>::min()},
      {"natural", std::numeric_limits<uint64_t>::max()},
      {"real", 0.1},
      {"whole", 1.0},
      {"nothing", nullptr},
      {"yes", true},
      {"text", std::string("quote \" back \\ line \n nul ") + '\0' + " umlaut \xc3\xa4 \xf0\x9f\x98\x80"},
      {"list", Value::list({1, "two", Value::empty_list(), Value::empty_dict()})},
      {"", "empty key"},
  });
  this->must_write([&](WriteTx& tx) { return tx.insert(Collection::kRules, "a", document); });
  const auto record = this->get(Collection::kRules, "a");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->id, "a");
  EXPECT_EQ(record->revision, 1);
  EXPECT_TRUE(record->document == document);
  // Equality lets 1 equal 1.0 and does not look at the order: check both.
  EXPECT_TRUE(record->document["whole"].is_double());
  EXPECT_EQ(record->document.as_dict().begin()->key, "name");
  EXPECT_EQ((record->document.as_dict().end() - 1)->key, "");
  EXPECT_FALSE(this->get(Collection::kRules, "b"));
  EXPECT_FALSE(this->get(Collection::kActions, "a")) << "collections must not share ids";
}

TYPED_TEST(StoreConformance, NumbersThatJsonLacksBecomeNull) {
  this->must_write([](WriteTx& tx) {
    return tx.put(Collection::kExecutions, "a",
                  Value::dict({{"result", Value::list({std::numeric_limits<double>::quiet_NaN(),
                                                       -std::numeric_limits<double>::infinity(), 1})}}));
  });
  const auto record = this->get(Collection::kExecutions, "a");
  ASSERT_TRUE(record);
  EXPECT_TRUE(record->document["result"] == Value::list({nullptr, nullptr, 1}));
}

TYPED_TEST(StoreConformance, RefusesWhatItCannotKeep) {
  Value deep = 1;
  for (int i = 0; i < 1100; ++i) deep = Value::list({deep});
  const std::pair<Value, std::string_view> cases[] = {
      {Value::dict({{"a", Value::list({1, Value::big_int("99999999999999999999999")})}}), "$.a[1]"},
      {Value::dict({{"a", Value::dict({{"b", "\xff\xfe"}})}}), "$.a.b"},
      {Value::dict({{"\xff", 1}}), "UTF-8"},
      {Value::dict({{"a", deep}}), "deeper"},
      {Value::dict({{"a", Value::undefined("x")}}), "$.a"},
      {Value("text"), "not an object"},
      {Value::dict({{"enabled", "yes"}}), "'enabled'"},
      {Value::dict({{"name", 7}}), "'name'"},
      {Value::dict({{"trigger", Value::empty_dict()}}), "'trigger'"},
  };
  for (const auto& [document, expected] : cases) {
    const Status status =
        this->write([&document = document](WriteTx& tx) { return tx.put(Collection::kRules, "a", document); });
    ASSERT_FALSE(status) << expected;
    EXPECT_EQ(status.error().code(), ErrorCode::kInvalid);
    EXPECT_NE(status.error().message().find(expected), std::string::npos) << status.error().message();
  }
  EXPECT_FALSE(this->get(Collection::kRules, "a"));
}

TYPED_TEST(StoreConformance, RefusesBadIds) {
  for (const std::string& id : {std::string(), std::string(kIdBytesMax + 1, 'x'), std::string("\xff")}) {
    const Status status = this->write([&](WriteTx& tx) { return tx.put(Collection::kMeta, id, Value::empty_dict()); });
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code(), ErrorCode::kInvalid);
  }
  this->must_write(
      [](WriteTx& tx) { return tx.put(Collection::kMeta, std::string(kIdBytesMax, 'x'), Value::empty_dict()); });
}

TYPED_TEST(StoreConformance, InsertRefusesATakenId) {
  this->must_write([](WriteTx& tx) { return tx.insert(Collection::kMeta, "a", Value::dict({{"n", 1}})); });
  const Status status = this->write([](WriteTx& tx) {
    return tx.insert(Collection::kMeta, "a", Value::dict({{"n", 2}}));
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kConflict);
  EXPECT_TRUE(this->get(Collection::kMeta, "a")->document["n"] == 1);
}

TYPED_TEST(StoreConformance, RevisionsCountWritesAndGuardUpdates) {
  this->must_write([](WriteTx& tx) -> Status {
    SQ_CHECK(tx.put(Collection::kMeta, "a", Value::dict({{"n", 1}})));
    SQ_CHECK(tx.put(Collection::kMeta, "a", Value::dict({{"n", 2}})));
    return tx.update(Collection::kMeta, "a", 2, Value::dict({{"n", 3}}));
  });
  EXPECT_EQ(this->get(Collection::kMeta, "a")->revision, 3);

  const Status stale =
      this->write([](WriteTx& tx) { return tx.update(Collection::kMeta, "a", 2, Value::empty_dict()); });
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code(), ErrorCode::kConflict);
  const Status gone =
      this->write([](WriteTx& tx) { return tx.update(Collection::kMeta, "b", 1, Value::empty_dict()); });
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(this->get(Collection::kMeta, "a")->document["n"] == 3);
}

TYPED_TEST(StoreConformance, EraseTellsWhetherThereWasOne) {
  bool first = false;
  bool second = true;
  this->must_write([&](WriteTx& tx) -> Status {
    SQ_CHECK(tx.put(Collection::kMeta, "a", Value::empty_dict()));
    SQ_TRY(first, tx.erase(Collection::kMeta, "a"));
    SQ_TRY(second, tx.erase(Collection::kMeta, "a"));
    return {};
  });
  EXPECT_TRUE(first);
  EXPECT_FALSE(second);
  EXPECT_FALSE(this->get(Collection::kMeta, "a"));
}

TYPED_TEST(StoreConformance, ATransactionReadsItsOwnWrites) {
  this->must_write([](WriteTx& tx) -> Status {
    SQ_CHECK(tx.put(Collection::kRules, "a", rule("a", "p", true)));
    SQ_TRY(const auto record, tx.get(Collection::kRules, "a"));
    EXPECT_TRUE(record);
    SQ_TRY(const auto page,
           tx.list(Collection::kRules, {.filters = {{"pack", Compare::kEqual, "p"}}, .count_total = true}));
    EXPECT_EQ(page.records.size(), 1u);
    EXPECT_EQ(page.total, 1);
    return {};
  });
}

TYPED_TEST(StoreConformance, AFailedFunctionLeavesNothing) {
  this->must_write([](WriteTx& tx) { return tx.put(Collection::kMeta, "kept", Value::dict({{"n", 1}})); });
  this->must_write([](WriteTx& tx) { return tx.put(Collection::kMeta, "erased", Value::empty_dict()); });
  const Status status = this->write([](WriteTx& tx) -> Status {
    SQ_CHECK(tx.put(Collection::kMeta, "kept", Value::dict({{"n", 2}})));
    SQ_CHECK(tx.put(Collection::kMeta, "kept", Value::dict({{"n", 3}})));
    SQ_CHECK(tx.insert(Collection::kMeta, "new", Value::empty_dict()));
    SQ_TRY(const bool erased, tx.erase(Collection::kMeta, "erased"));
    EXPECT_TRUE(erased);
    return fail(ErrorCode::kForbidden, "no");
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kForbidden);
  EXPECT_EQ(status.error().message(), "no");
  EXPECT_EQ(this->get(Collection::kMeta, "kept")->revision, 1);
  EXPECT_FALSE(this->get(Collection::kMeta, "new"));
  EXPECT_TRUE(this->get(Collection::kMeta, "erased"));
}

// Queues all before the writer can run any, so that they share a batch.
TYPED_TEST(StoreConformance, AFailingJobDoesNotTouchTheOthersOfItsBatch) {
  std::mutex mutex;
  std::vector<std::string> answers;
  std::unique_lock hold(mutex);
  this->store->write(
      [&](WriteTx&) -> Status {
        const std::lock_guard wait(mutex);
        return {};
      },
      nullptr);
  for (int i = 0; i < 9; ++i) {
    const auto job = [i](WriteTx& tx) -> Status {
      SQ_CHECK(tx.put(Collection::kMeta, "id" + std::to_string(i), Value::dict({{"n", i}})));
      if (i % 3 == 1) return fail(ErrorCode::kInvalid, "bad");
      return tx.put(Collection::kMeta, "last", Value::dict({{"n", i}}));
    };
    this->store->write(job,
                       [&answers, i](Status status) { answers.push_back(std::to_string(i) + (status ? "+" : "-")); });
  }
  hold.unlock();
  this->must_write([](WriteTx&) -> Status { return {}; });
  EXPECT_EQ(answers, (Ids{"0+", "1-", "2+", "3+", "4-", "5+", "6+", "7-", "8+"}));
  EXPECT_EQ(this->ids(Collection::kMeta, {}), (Ids{"id0", "id2", "id3", "id5", "id6", "id8", "last"}));
  EXPECT_TRUE(this->get(Collection::kMeta, "last")->document["n"] == 8);
  EXPECT_EQ(this->get(Collection::kMeta, "last")->revision, 6);
}

TYPED_TEST(StoreConformance, WritesAreAppliedAndAnsweredInOrder) {
  constexpr int kWrites = 3 * static_cast<int>(kBatchWritesMax) + 7;  // several batches
  std::vector<int> answered;
  for (int i = 0; i < kWrites; ++i) {
    this->store->write(
        [i](WriteTx& tx) -> Status {
          SQ_TRY(const auto before, tx.get(Collection::kMeta, "counter"));
          const int64_t count = before ? before->document["n"].int_or(-1) : 0;
          if (count != i) return fail(ErrorCode::kInternal, "out of order");
          return tx.put(Collection::kMeta, "counter", Value::dict({{"n", count + 1}}));
        },
        [&answered, i](Status status) {
          EXPECT_TRUE(status);
          answered.push_back(i);
        });
  }
  this->must_write([](WriteTx&) -> Status { return {}; });
  ASSERT_EQ(answered.size(), static_cast<size_t>(kWrites));
  EXPECT_TRUE(std::is_sorted(answered.begin(), answered.end()));
}

TYPED_TEST(StoreConformance, FiltersCompare) {
  this->must_write([](WriteTx& tx) -> Status {
    SQ_CHECK(tx.put(Collection::kRules, "a", rule("alpha", "p1", true)));
    SQ_CHECK(tx.put(Collection::kRules, "b", rule("beta", "p2", false)));
    SQ_CHECK(tx.put(Collection::kRules, "c", rule("alphabet", nullptr, nullptr)));
    return tx.put(Collection::kRules, "d", rule("\xc3\xa4lpha", "p1x", 1));
  });
  EXPECT_EQ(this->matching({"pack", Compare::kEqual, "p1"}), (Ids{"a"}));
  EXPECT_EQ(this->matching({"pack", Compare::kNotEqual, "p1"}), (Ids{"b", "c", "d"}));
  EXPECT_EQ(this->matching({"pack", Compare::kLess, "p1x"}), (Ids{"a"}));
  EXPECT_EQ(this->matching({"pack", Compare::kLessOrEqual, "p1x"}), (Ids{"a", "d"}));
  EXPECT_EQ(this->matching({"pack", Compare::kGreater, "p1"}), (Ids{"b", "d"}));
  EXPECT_EQ(this->matching({"pack", Compare::kGreaterOrEqual, "p1x"}), (Ids{"b", "d"}));
  EXPECT_EQ(this->matching({"pack", Compare::kIn, Value::list({"p2", "p1", "p1", "zz"})}), (Ids{"a", "b"}));
  EXPECT_EQ(this->matching({"pack", Compare::kIn, Value::empty_list()}), Ids());
  EXPECT_EQ(this->matching({"pack", Compare::kIsNull, {}}), (Ids{"c"}));
  EXPECT_EQ(this->matching({"pack", Compare::kEqual, nullptr}), (Ids{"c"}));
  EXPECT_EQ(this->matching({"pack", Compare::kNotNull, {}}), (Ids{"a", "b", "d"}));
  EXPECT_EQ(this->matching({"pack", Compare::kNotEqual, nullptr}), (Ids{"a", "b", "d"}));
  EXPECT_EQ(this->matching({"pack", Compare::kPrefix, "p1"}), (Ids{"a", "d"}));
  EXPECT_EQ(this->matching({"pack", Compare::kPrefix, ""}), (Ids{"a", "b", "d"}));
  EXPECT_EQ(this->matching({"name", Compare::kPrefix, "alpha"}), (Ids{"a", "c"}));
  EXPECT_EQ(this->matching({"name", Compare::kPrefix, "\xc3\xa4"}), (Ids{"d"}));
  EXPECT_EQ(this->matching({"enabled", Compare::kEqual, true}), (Ids{"a", "d"}));
  EXPECT_EQ(this->matching({"enabled", Compare::kEqual, 0}), (Ids{"b"}));
  EXPECT_EQ(this->matching({"enabled", Compare::kIn, Value::list({0, true})}), (Ids{"a", "b", "d"}));
  EXPECT_EQ(this->matching({"enabled", Compare::kLess, 1}), (Ids{"b"}));
  EXPECT_EQ(this->matching({"action", Compare::kEqual, "core.noop"}), (Ids{"a", "b", "c", "d"}));
  EXPECT_EQ(this->matching({"id", Compare::kGreater, "b"}), (Ids{"c", "d"}));
  EXPECT_EQ(this->matching({"id", Compare::kIn, Value::list({"a", "d", "e"})}), (Ids{"a", "d"}));
  EXPECT_EQ(this->matching({"id", Compare::kIsNull, {}}), Ids());
  EXPECT_EQ(this->ids(Collection::kRules, {.filters = {{"pack", Compare::kNotNull, {}},
                                                       {"pack", Compare::kIn, Value::list({"p1", "p1x"})},
                                                       {"enabled", Compare::kEqual, true},
                                                       {"id", Compare::kNotEqual, "a"}}}),
            (Ids{"d"}));
}

TYPED_TEST(StoreConformance, RefusesBadQueries) {
  EXPECT_EQ(this->list_error({.filters = {{"description", Compare::kEqual, "x"}}}), ErrorCode::kInvalid);
  EXPECT_EQ(this->list_error({.sort = {{"description"}}}), ErrorCode::kInvalid);
  EXPECT_EQ(this->list_error({.sort = {{"id; DROP TABLE rules"}}}), ErrorCode::kInvalid);
  EXPECT_EQ(this->list_error({.filters = {{"enabled", Compare::kEqual, "x"}}}), ErrorCode::kInvalid);
  EXPECT_EQ(this->list_error({.filters = {{"enabled", Compare::kPrefix, "x"}}}), ErrorCode::kInvalid);
  EXPECT_EQ(this->list_error({.filters = {{"pack", Compare::kEqual, 1}}}), ErrorCode::kInvalid);
  EXPECT_EQ(this->list_error({.filters = {{"pack", Compare::kLess, nullptr}}}), ErrorCode::kInvalid);
  EXPECT_EQ(this->list_error({.filters = {{"pack", Compare::kIn, "x"}}}), ErrorCode::kInvalid);
  EXPECT_EQ(this->list_error({.filters = {{"pack", Compare::kIn, Value::list({nullptr})}}}), ErrorCode::kInvalid);
  EXPECT_EQ(this->list_error({.offset = -1}), ErrorCode::kInvalid);
  EXPECT_EQ(this->list_error({.limit = -2}), ErrorCode::kInvalid);
  const auto page = this->list(Collection::kRules, {.filters = {{"description", Compare::kEqual, "x"}}});
  EXPECT_NE(page.error().message().find("id, ref, name, pack"), std::string::npos) << page.error().message();
}

TYPED_TEST(StoreConformance, SortsWithNullsSmallestAndTiesById) {
  this->must_write([](WriteTx& tx) -> Status {
    SQ_CHECK(tx.put(Collection::kRules, "c", rule("n", "p2", true)));
    SQ_CHECK(tx.put(Collection::kRules, "a", rule("n", "p2", false)));
    SQ_CHECK(tx.put(Collection::kRules, "d", rule("n", "p1", true)));
    return tx.put(Collection::kRules, "b", rule("n", nullptr, false));
  });
  const auto sorted = [&](std::vector<Sort> sort) { return this->ids(Collection::kRules, {.sort = std::move(sort)}); };
  EXPECT_EQ(sorted({}), (Ids{"a", "b", "c", "d"}));
  EXPECT_EQ(sorted({{"id", true}}), (Ids{"d", "c", "b", "a"}));
  EXPECT_EQ(sorted({{"pack"}}), (Ids{"b", "d", "a", "c"}));
  EXPECT_EQ(sorted({{"pack", true}}), (Ids{"a", "c", "d", "b"}));
  EXPECT_EQ(sorted({{"enabled", true}, {"pack", true}}), (Ids{"c", "d", "a", "b"}));
  EXPECT_EQ(sorted({{"pack"}, {"id", true}, {"enabled"}}), (Ids{"b", "d", "c", "a"}));
}

std::string padded(int number) {
  std::string digits = std::to_string(number);
  return std::string(5 - digits.size(), '0') + digits;
}

TYPED_TEST(StoreConformance, PagesThroughTenThousandRecords) {
  constexpr int kRecords = 10'000;
  this->must_write([](WriteTx& tx) -> Status {
    for (int i = 0; i < kRecords; ++i) {
      const Value document = Value::dict({{"status", i % 4 == 0 ? "failed" : "succeeded"},
                                          {"start_timestamp", padded(kRecords - 1 - i)},
                                          {"parent", i % 10 == 0 ? Value("x") : Value()}});
      SQ_CHECK(tx.insert(Collection::kExecutions, padded(i), document));
    }
    return {};
  });
  Query query{.filters = {{"status", Compare::kEqual, "failed"}, {"parent", Compare::kIsNull, {}}},
              .sort = {{"start_timestamp", true}},
              .limit = 70,
              .count_total = true};
  Ids seen;
  while (true) {
    const auto page = this->list(Collection::kExecutions, query);
    ASSERT_TRUE(page) << page.error().to_string();
    EXPECT_EQ(page->total, 2000);  // multiples of 4 that are no multiples of 10
    if (page->records.empty()) break;
    for (const Record& record : page->records) seen.push_back(record.id);
    query.offset += query.limit;
  }
  ASSERT_EQ(seen.size(), 2000u);
  EXPECT_EQ(seen.front(), "00004");
  EXPECT_EQ(seen.back(), "09996");
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));

  const auto nothing = this->list(Collection::kExecutions, {.limit = 0, .count_total = true});
  ASSERT_TRUE(nothing);
  EXPECT_EQ(nothing->records.size(), 0u);
  EXPECT_EQ(nothing->total, kRecords);
  const auto tail = this->list(Collection::kExecutions, {.offset = kRecords - 3});
  ASSERT_TRUE(tail);
  EXPECT_EQ(tail->records.size(), 3u);
  EXPECT_EQ(tail->total, -1);
  const auto ids = this->list(Collection::kExecutions, {.offset = kRecords - 3, .ids_only = true});
  ASSERT_TRUE(ids);
  ASSERT_EQ(ids->records.size(), 3u);
  EXPECT_EQ(ids->records[0].id, tail->records[0].id);
  EXPECT_TRUE(ids->records[0].document.is_null());
  EXPECT_EQ(this->list(Collection::kExecutions, {.offset = std::numeric_limits<int64_t>::max()})->records.size(), 0u);
}

TYPED_TEST(StoreConformance, AReadSeesOneState) {
  this->must_write([](WriteTx& tx) { return tx.put(Collection::kMeta, "a", Value::dict({{"n", 0}})); });
  this->must_write([](WriteTx& tx) { return tx.put(Collection::kMeta, "b", Value::dict({{"n", 0}})); });
  for (int i = 1; i <= 200; ++i) {
    this->store->write(
        [i](WriteTx& tx) -> Status {
          SQ_CHECK(tx.put(Collection::kMeta, "a", Value::dict({{"n", i}})));
          return tx.put(Collection::kMeta, "b", Value::dict({{"n", i}}));
        },
        nullptr);
    const Status status = this->store->read([](ReadTx& tx) -> Status {
      SQ_TRY(const auto a, tx.get(Collection::kMeta, "a"));
      SQ_TRY(const auto b, tx.get(Collection::kMeta, "b"));
      EXPECT_TRUE(a->document == b->document);
      return {};
    });
    EXPECT_TRUE(status);
  }
  this->must_write([](WriteTx&) -> Status { return {}; });
  EXPECT_TRUE(this->get(Collection::kMeta, "b")->document["n"] == 200);
}

TYPED_TEST(StoreConformance, ReadPassesTheFunctionsErrorOn) {
  const Status status = this->store->read([](ReadTx&) -> Status { return fail(ErrorCode::kForbidden, "no"); });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kForbidden);
}

TYPED_TEST(StoreConformance, ManyThreadsReadAndWrite) {
  if (std::is_same_v<TypeParam, SteppedMemoryBackEnd>) GTEST_SKIP() << "has no thread of its own";
  constexpr int kThreads = 8;
  constexpr int kWritesEach = 40;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < kWritesEach; ++i) {
        const std::string id = std::to_string(t) + "-" + std::to_string(i);
        const Status status = this->write([&](WriteTx& tx) -> Status {
          SQ_TRY(const auto counter, tx.get(Collection::kMeta, "counter"));
          const int64_t count = counter ? counter->document["n"].int_or(0) : 0;
          SQ_CHECK(tx.put(Collection::kMeta, "counter", Value::dict({{"n", count + 1}})));
          return tx.insert(Collection::kCursors, id, Value::empty_dict());
        });
        EXPECT_TRUE(status);
        EXPECT_TRUE(this->get(Collection::kCursors, id)) << "an acknowledged write must be visible";
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(this->get(Collection::kMeta, "counter")->document["n"] == kThreads * kWritesEach);
}

TYPED_TEST(StoreConformance, DoneMayWriteAgain) {
  std::atomic<int> rounds = 0;
  std::function<void()> next = [&] {
    this->store->write(
        [&](WriteTx& tx) { return tx.put(Collection::kMeta, std::to_string(rounds.load()), Value::empty_dict()); },
        [&](Status status) {
          EXPECT_TRUE(status);
          if (++rounds < 5) next();
        });
  };
  next();
  while (rounds < 5) this->must_write([](WriteTx&) -> Status { return {}; });
  EXPECT_EQ(this->ids(Collection::kMeta, {}).size(), 5u);
}

TYPED_TEST(StoreConformance, CloseFinishesWhatWasQueuedAndRefusesTheRest) {
  int done = 0;
  for (int i = 0; i < 20; ++i) {
    this->store->write([i](WriteTx& tx) { return tx.put(Collection::kMeta, std::to_string(i), Value::empty_dict()); },
                       [&done](Status status) {
                         EXPECT_TRUE(status);
                         ++done;
                       });
  }
  this->store->close();
  this->store->close();
  EXPECT_EQ(done, 20);
  const Status late = this->write([](WriteTx&) -> Status {
    ADD_FAILURE();
    return {};
  });
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kUnavailable);
  const Status read = this->store->read([](ReadTx&) -> Status { return {}; });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), ErrorCode::kUnavailable);
}

TYPED_TEST(StoreConformance, AFullQueueRefuses) {
  const bool stepped = std::is_same_v<TypeParam, SteppedMemoryBackEnd>;
  std::mutex mutex;
  std::unique_lock hold(mutex);
  std::atomic<bool> started = false;
  size_t kept = 0;
  size_t refused = 0;
  const auto slow = [&](WriteTx&) -> Status {
    started = true;
    const std::lock_guard wait(mutex);
    return {};
  };
  this->store->write(slow, nullptr);
  while (!stepped && !started) std::this_thread::yield();
  for (size_t i = 0; i < kQueuedWritesMax + 10; ++i) {
    const auto done = [&](Status status) {
      ++(status ? kept : refused);
      EXPECT_TRUE(status || status.error().code() == ErrorCode::kLimit);
    };
    this->store->write([](WriteTx&) -> Status { return {}; }, done);
  }
  hold.unlock();
  this->store->close();
  EXPECT_EQ(refused, stepped ? 11u : 10u) << "without a thread the slow job waits in the queue too";
  EXPECT_EQ(kept + refused, kQueuedWritesMax + 10);
}

TEST(MemoryStore, WithoutAThreadNothingHappensBeforeDrain) {
  MemoryStore store({.own_thread = false});
  bool ran = false;
  bool answered = false;
  store.write(
      [&](WriteTx&) -> Status {
        ran = true;
        return {};
      },
      [&](Status) { answered = true; });
  EXPECT_FALSE(ran);
  EXPECT_EQ(store.drain_once(), 1u);
  EXPECT_TRUE(ran && answered);
  EXPECT_EQ(store.drain(), 0u);
}

}  // namespace
}  // namespace squall::store
