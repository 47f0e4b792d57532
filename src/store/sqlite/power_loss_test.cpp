// Power cuts and single failures at every moment of a workload: what was acknowledged is there afterwards, what was not
// is there wholly or not at all, and in order.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <random>

#include "base/strings.hpp"
#include "store/sqlite/connection.hpp"
#include "store/sqlite/fault_vfs.hpp"
#include "store/sqlite/sqlite_store.hpp"
#include "store/test_directory.hpp"

namespace squall::store {
namespace {

using Change = FaultVfs::Change;

constexpr int kWrites = 16;
constexpr size_t kSectorBytes = 512;       // what a disk writes in one piece
constexpr size_t kExhaustivePieces = 6;    // pending pieces of which every subset is tried
constexpr int kShortSamplesPerMoment = 3;  // SQUALL_POWER_SAMPLES for the long run

constexpr int kShortStride = 11;  // every call is tried in the long run only

bool is_long_run() { return std::getenv("SQUALL_POWER_SAMPLES") != nullptr; }

int samples_per_moment() {
  const char* given = std::getenv("SQUALL_POWER_SAMPLES");
  return given != nullptr ? static_cast<int>(parse_int(given).value_or(kShortSamplesPerMoment))
                          : kShortSamplesPerMoment;
}

// Small, so that the log is moved into the database, and begun anew, several times.
SqliteOptions options_in(const std::string& directory) {
  return {.directory = directory,
          .checkpoint_pages = 12,
          .full_retry = std::chrono::milliseconds(1),
          .vfs = FaultVfs::kName};
}

// Two documents per change, which must never be seen apart; sizes from a few bytes to several pages.
Status put_pair(WriteTx& tx, int number) {
  const std::string text(static_cast<size_t>(number * number * 97 % 30'000), static_cast<char>('a' + number % 26));
  const Value document = Value::dict({{"number", number}, {"text", text}});
  SQ_CHECK(tx.put(Collection::kMeta, "left", document));
  SQ_CHECK(tx.put(Collection::kMeta, "pair" + std::to_string(number), document));
  return tx.put(Collection::kMeta, "right", document);
}

// Runs the workload; for each change that was acknowledged, what had been recorded by then.
std::map<int, size_t> run_workload(Store& store) {
  std::map<int, size_t> acknowledged;
  for (int number = 1; number <= kWrites; ++number) {
    // Noted on the writer's thread: right behind its answer it may go on to a checkpoint.
    size_t recorded = 0;
    std::promise<bool> kept;
    store.write([number](WriteTx& tx) { return put_pair(tx, number); },
                [&](Status status) {
                  recorded = FaultVfs::instance().recorded_count();
                  kept.set_value(status.has_value());
                });
    if (kept.get_future().get()) acknowledged[number] = recorded;
  }
  store.close();
  return acknowledged;
}

int number_of(Store& store, const std::string& id) {
  int number = 0;
  const Status status = store.read([&](ReadTx& tx) -> Status {
    SQ_TRY(const auto record, tx.get(Collection::kMeta, id));
    if (!record) return {};
    const int found = static_cast<int>(record->document["number"].int_or(-1));
    const std::string text(static_cast<size_t>(found * found * 97 % 30'000), static_cast<char>('a' + found % 26));
    number = record->document["text"].string() == text ? found : -1;
    return {};
  });
  EXPECT_TRUE(status) << status.error().to_string();
  return number;
}

// What must hold of the directory after the next start. `last`: the latest change that was acknowledged.
::testing::AssertionResult sound(const std::string& directory, int last) {
  auto opened = open_sqlite_store({.directory = directory, .sync_full = false});
  if (!opened) return ::testing::AssertionFailure() << "it does not open: " << opened.error().to_string();
  const int left = number_of(**opened, "left");
  const int right = number_of(**opened, "right");
  if (left != right) return ::testing::AssertionFailure() << "half of change " << std::max(left, right) << " is there";
  if (left < last)
    return ::testing::AssertionFailure() << "change " << last << " was acknowledged, " << left << " is there";
  for (int number = 1; number <= kWrites; ++number) {
    const int wanted = number <= left ? number : 0;
    const int found = number_of(**opened, "pair" + std::to_string(number));
    if (found != wanted)
      return ::testing::AssertionFailure()
             << "pair" << number << " holds " << found << " when " << left << " is the latest";
  }
  if (!(*opened)->write_and_wait([](WriteTx& tx) { return tx.put(Collection::kMeta, "again", Value::empty_dict()); })) {
    return ::testing::AssertionFailure() << "it takes no more writes";
  }
  opened->reset();
  auto connection = Connection::open({.path = directory + "/squall.db", .role = ConnectionRole::kWriter});
  if (!connection) return ::testing::AssertionFailure() << connection.error().to_string();
  auto check = (*connection)->statement("PRAGMA integrity_check");
  const auto row = check ? check->step() : Result<bool>(false);
  if (!row || !*row || check->text(0) != "ok") return ::testing::AssertionFailure() << "the database is damaged";
  return ::testing::AssertionSuccess();
}

// A disk on which changes reach the platter in any order between two flushes.
class Disk {
 public:
  void apply(const Change& change) {
    std::string& file = files_[change.file];
    switch (change.kind) {
      case Change::Kind::kWrite: write(file, static_cast<size_t>(change.offset), change.bytes); break;
      case Change::Kind::kTruncate: file.resize(static_cast<size_t>(change.offset)); break;
      case Change::Kind::kDelete: files_.erase(change.file); break;
      case Change::Kind::kSync: break;
    }
  }
  void save(const std::string& directory) const {
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory);
    for (const auto& [name, bytes] : files_) std::ofstream(directory + "/" + name, std::ios::binary) << bytes;
  }

 private:
  static void write(std::string& file, size_t offset, const std::string& bytes) {
    if (file.size() < offset + bytes.size()) file.resize(offset + bytes.size());
    file.replace(offset, bytes.size(), bytes);
  }
  std::map<std::string, std::string> files_;
};

// Splits a write where sectors end.
std::vector<Change> torn(const Change& change) {
  std::vector<Change> pieces;
  size_t begin = 0;
  while (change.kind == Change::Kind::kWrite && begin < change.bytes.size()) {
    const size_t at = static_cast<size_t>(change.offset) + begin;
    const size_t size = std::min(kSectorBytes - at % kSectorBytes, change.bytes.size() - begin);
    pieces.push_back({change.kind, change.file, static_cast<int64_t>(at), change.bytes.substr(begin, size)});
    begin += size;
  }
  if (change.kind != Change::Kind::kWrite) pieces.push_back(change);
  return pieces;
}

// Everything before a moment: what is surely on the disk, and what may be.
struct Moment {
  Disk synced;
  std::vector<Change> pending;
};

Moment moment_before(const std::vector<Change>& changes, size_t end) {
  std::map<std::string, size_t> flushed;
  for (size_t i = 0; i < end; ++i) {
    const bool flushed_delete = changes[i].kind == Change::Kind::kDelete && changes[i].offset != 0;
    if (changes[i].kind == Change::Kind::kSync || flushed_delete) flushed[changes[i].file] = i + 1;
  }
  Moment moment;
  for (size_t i = 0; i < end; ++i) {
    if (changes[i].kind == Change::Kind::kSync) continue;
    const auto found = flushed.find(changes[i].file);
    if (found != flushed.end() && i < found->second) {
      moment.synced.apply(changes[i]);
    } else {
      moment.pending.push_back(changes[i]);
    }
  }
  return moment;
}

class PowerLoss : public ::testing::Test {
 protected:
  ~PowerLoss() override { FaultVfs::instance().reset(); }
  // What the disk loses is made up here, so nothing is gained by a real one.
  TestDirectory directory_{TestDirectory::Where::kMemory};
};

TEST_F(PowerLoss, AnySubsetOfUnsyncedSectorsLeavesASoundStore) {
  FaultVfs& vfs = FaultVfs::instance();
  vfs.reset();
  vfs.record(true);
  auto store = open_sqlite_store(options_in(directory_.path() + "/live"));
  ASSERT_TRUE(store) << store.error().to_string();
  const auto acknowledged = run_workload(**store);
  store->reset();
  const std::vector<Change> changes = vfs.recorded();
  vfs.reset();
  ASSERT_EQ(acknowledged.size(), static_cast<size_t>(kWrites));
  ASSERT_GT(changes.size(), 150u);

  std::mt19937 random(20'161);
  int states = 0;
  const std::string copy = directory_.path() + "/copy";
  const auto try_state = [&](Disk disk, const std::vector<Change>& kept, int last) {
    for (const Change& change : kept) disk.apply(change);
    disk.save(copy);
    ++states;
    return sound(copy, last);
  };
  for (size_t end = 0; end <= changes.size(); ++end) {
    // The moments that differ: around every flush, and here and there between two.
    const bool at_flush = end < changes.size() && changes[end].kind == Change::Kind::kSync;
    if (!at_flush && end != changes.size() && random() % 4 != 0) continue;
    int last = 0;
    for (const auto& [number, recorded] : acknowledged) last = recorded <= end ? std::max(last, number) : last;
    const Moment moment = moment_before(changes, end);
    if (moment.pending.size() <= kExhaustivePieces && (end % 5 == 0 || is_long_run())) {
      for (size_t subset = 0; subset < size_t{1} << moment.pending.size(); ++subset) {
        std::vector<Change> kept;
        for (size_t i = 0; i < moment.pending.size(); ++i) {
          if ((subset >> i & 1) != 0) kept.push_back(moment.pending[i]);
        }
        ASSERT_TRUE(try_state(moment.synced, kept, last)) << "cut before change " << end << ", subset " << subset;
      }
    }
    for (int sample = 0; sample < samples_per_moment(); ++sample) {
      // Mostly there, mostly lost, or half and half.
      const unsigned share = std::array{3u, 50u, 97u}[static_cast<size_t>(sample) % 3];
      std::vector<Change> kept;
      for (const Change& change : moment.pending) {
        for (const Change& piece : torn(change)) {
          if (random() % 100 < share) kept.push_back(piece);
        }
      }
      ASSERT_TRUE(try_state(moment.synced, kept, last)) << "cut before change " << end << ", sample " << sample;
    }
  }
  std::printf("power loss: %d crash states, 0 violations\n", states);
  EXPECT_GT(states, 200);
}

// The recording itself: were a flush missing, the check above would have to find it.
TEST_F(PowerLoss, TheCheckFindsAMissingFlush) {
  FaultVfs& vfs = FaultVfs::instance();
  vfs.reset();
  vfs.record(true);
  auto store = open_sqlite_store(options_in(directory_.path() + "/live"));
  ASSERT_TRUE(store);
  const auto acknowledged = run_workload(**store);
  store->reset();
  std::vector<Change> changes = vfs.recorded();
  vfs.reset();
  const size_t end = acknowledged.at(kWrites);
  changes.resize(end);
  size_t last_flush = end;
  while (changes[--last_flush].kind != Change::Kind::kSync) {
  }
  changes.erase(changes.begin() + static_cast<std::ptrdiff_t>(last_flush));
  const Moment moment = moment_before(changes, changes.size());
  moment.synced.save(directory_.path() + "/copy");
  EXPECT_FALSE(sound(directory_.path() + "/copy", kWrites));
}

TEST_F(PowerLoss, OneFailureAtEveryCallLosesNothingThatWasAcknowledged) {
  FaultVfs& vfs = FaultVfs::instance();
  for (const FaultVfs::Fault fault : {FaultVfs::Fault::kIo, FaultVfs::Fault::kShort, FaultVfs::Fault::kFull}) {
    bool passed_clean = false;
    // Another phase for each kind, so that together they try more calls.
    const int64_t first = is_long_run() ? 1 : 1 + static_cast<int64_t>(fault) * 4;
    for (int64_t call = first; !passed_clean; call += is_long_run() ? 1 : kShortStride) {
      ASSERT_LT(call, 5000) << "the workload does not come to its end";
      const std::string directory = directory_.path() + "/live";
      std::filesystem::remove_all(directory);
      vfs.reset();
      vfs.fail_at(call, fault);
      int last = 0;
      {
        auto store = open_sqlite_store(options_in(directory));
        if (store) {
          const auto acknowledged = run_workload(**store);
          if (!acknowledged.empty()) last = acknowledged.rbegin()->first;
          // Space came back by itself: then everything was written.
          if (fault == FaultVfs::Fault::kFull && vfs.calls >= call && !vfs.failed_at_flush) {
            EXPECT_GE(acknowledged.size(), static_cast<size_t>(kWrites - 1)) << "call " << call;
          }
        }
      }
      passed_clean = vfs.calls < call;
      vfs.reset();
      // Pairs are numbered without gaps only when none was refused, so the whole check is for the clean parts.
      auto opened = open_sqlite_store({.directory = directory, .sync_full = false});
      ASSERT_TRUE(opened) << "call " << call << ": " << opened.error().to_string();
      const int left = number_of(**opened, "left");
      ASSERT_EQ(left, number_of(**opened, "right")) << "call " << call;
      ASSERT_GE(left, last) << "call " << call;
      if (last == 0) continue;
      ASSERT_EQ(number_of(**opened, "pair" + std::to_string(last)), last) << "call " << call;
    }
  }
}

}  // namespace
}  // namespace squall::store
