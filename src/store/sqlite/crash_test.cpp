// kill -9 at any moment: whatever was acknowledged is there afterwards, and nothing is there by halves.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <random>
#include <thread>

#include "store/sqlite/sqlite_store.hpp"
#include "store/test_directory.hpp"

namespace squall::store {
namespace {

constexpr int kRounds = 20;
constexpr size_t kPad = 2000;

std::string id_of(int64_t number) { return std::to_string(1'000'000'000 + number); }

Value document_of(int64_t number) {
  return Value::dict({{"n", number}, {"trigger", id_of(number)}, {"pad", std::string(kPad, 'x')}});
}

// Writes pairs of records that belong together, as fast as the store takes them, and tells the numbers that were
// acknowledged. Never returns.
[[noreturn]] void write_until_killed(const std::string& directory, int64_t first, int pipe) {
  auto opened = open_sqlite_store({.directory = directory});
  if (!opened) _exit(3);
  std::atomic<int> waiting = 0;
  for (int64_t number = first;; ++number) {
    while (waiting > 200) std::this_thread::yield();
    ++waiting;
    (*opened)->write(
        [number](WriteTx& tx) -> Status {
          SQ_CHECK(tx.insert(Collection::kTriggerInstances, id_of(number), document_of(number)));
          return tx.insert(Collection::kWakeups, id_of(number), Value::dict({{"execution", id_of(number)}}));
        },
        [number, pipe, &waiting](Status status) {
          if (!status || write(pipe, &number, sizeof number) != sizeof number) _exit(4);
          --waiting;
        });
  }
}

// Everything the child told before it died. Kills it after `life`.
std::vector<int64_t> run_and_kill(const std::string& directory, int64_t first, std::chrono::milliseconds life) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    write_until_killed(directory, first, ends[1]);
  }
  close(ends[1]);
  std::thread killer([child, life] {
    std::this_thread::sleep_for(life);
    kill(child, SIGKILL);
  });
  std::vector<int64_t> told;
  int64_t number = 0;
  while (read(ends[0], &number, sizeof number) == sizeof number) told.push_back(number);
  close(ends[0]);
  killer.join();
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;
  return told;
}

TEST(SqliteCrash, AcknowledgedWritesSurviveKill) {
  const TestDirectory directory;
  const unsigned seed = std::random_device()();
  std::mt19937 random(seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::vector<int64_t> acknowledged;
  int64_t next = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::chrono::milliseconds life(20 + random() % 130);
    const auto told = run_and_kill(directory.path(), next, life);
    acknowledged.insert(acknowledged.end(), told.begin(), told.end());

    auto store = open_sqlite_store({.directory = directory.path()});
    ASSERT_TRUE(store) << store.error().to_string();
    Page instances;
    Page wakeups;
    ASSERT_TRUE((*store)->read([&](ReadTx& tx) -> Status {
      SQ_TRY(instances, tx.list(Collection::kTriggerInstances, {.sort = {{"trigger"}}}));
      SQ_TRY(wakeups, tx.list(Collection::kWakeups, {.sort = {{"execution"}}}));
      return {};
    }));
    std::set<int64_t> present;
    for (const Record& record : instances.records) {
      const int64_t number = record.document["n"].int_or(-1);
      ASSERT_TRUE(record.document == document_of(number));
      present.insert(number);
    }
    for (const int64_t number : acknowledged) ASSERT_TRUE(present.contains(number)) << number << " was lost";
    ASSERT_EQ(instances.records.size(), wakeups.records.size()) << "half of a transaction is there";
    for (size_t i = 0; i < wakeups.records.size(); ++i) ASSERT_EQ(instances.records[i].id, wakeups.records[i].id);
    next = present.empty() ? 0 : *present.rbegin() + 1;
  }
  EXPECT_GT(acknowledged.size(), 20u) << "the children were killed before they could do anything";
}

}  // namespace
}  // namespace squall::store
