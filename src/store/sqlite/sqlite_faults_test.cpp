// What the durable store does when the disk, another process or a bug says no.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <mutex>

#include "base/strings.hpp"
#include "store/sqlite/fault_vfs.hpp"
#include "store/sqlite/sqlite_store.hpp"
#include "store/store_limits.hpp"
#include "store/test_directory.hpp"

namespace squall::store {
namespace {

class SqliteFaults : public ::testing::Test {
 protected:
  SqliteFaults() {
    FaultVfs::instance().reset();
    reopen();
  }
  ~SqliteFaults() override { FaultVfs::instance().reset(); }

  void reopen() {
    store_.reset();
    auto opened = open_sqlite_store({.directory = directory_.path(),
                                     .on_fatal = [this](const Error& error) { fatal_.push_back(error.message()); },
                                     .full_retry = std::chrono::milliseconds(2),
                                     .vfs = FaultVfs::kName});
    ASSERT_TRUE(opened) << opened.error().to_string();
    store_ = std::move(*opened);
  }
  Status put(const std::string& id, const Value& document = Value::dict({{"n", 1}})) {
    return store_->write_and_wait([&](WriteTx& tx) { return tx.put(Collection::kMeta, id, document); });
  }
  bool has(const std::string& id) {
    bool found = false;
    const Status status = store_->read([&](ReadTx& tx) -> Status {
      SQ_TRY(const auto record, tx.get(Collection::kMeta, id));
      found = record.has_value();
      return {};
    });
    EXPECT_TRUE(status);
    return found;
  }
  // Holds the writer until the returned lock goes.
  std::unique_lock<std::mutex> hold_writer() {
    std::unique_lock lock(gate_);
    store_->write(
        [this](WriteTx&) -> Status {
          const std::lock_guard wait(gate_);
          return {};
        },
        nullptr);
    return lock;
  }

  TestDirectory directory_;
  std::mutex gate_;
  std::vector<std::string> fatal_;
  std::unique_ptr<Store> store_;
};

TEST_F(SqliteFaults, EveryAcknowledgedGroupIsFlushed) {
  FaultVfs& vfs = FaultVfs::instance();
  for (int i = 0; i < 10; ++i) {
    const int before = vfs.wal_syncs;
    ASSERT_TRUE(put(std::to_string(i)));
    EXPECT_GT(vfs.wal_syncs, before) << "write " << i << " was acknowledged without a flush";
  }
}

TEST_F(SqliteFaults, AGroupSharesItsFlushAndNobodyHearsBeforeIt) {
  FaultVfs& vfs = FaultVfs::instance();
  ASSERT_TRUE(put("warm"));
  const int before = vfs.wal_syncs;
  int answered = 0;
  auto lock = hold_writer();
  for (int i = 0; i < 100; ++i) {
    store_->write([i](WriteTx& tx) { return tx.put(Collection::kMeta, std::to_string(i), Value::empty_dict()); },
                  [&, before](Status status) {
                    EXPECT_TRUE(status);
                    EXPECT_GT(vfs.wal_syncs, before);
                    ++answered;
                  });
  }
  lock.unlock();
  store_->close();
  EXPECT_EQ(answered, 100);
  EXPECT_LE(vfs.wal_syncs - before, 4)
      << "the held job, then one group (or two, if the writer was quick), then the close";
}

TEST_F(SqliteFaults, AReadOnlyOrFailedWriteCostsNoFlush) {
  ASSERT_TRUE(put("a"));
  const int before = FaultVfs::instance().wal_syncs;
  ASSERT_TRUE(store_->write_and_wait([](WriteTx& tx) -> Status {
    SQ_TRY(const auto record, tx.get(Collection::kMeta, "a"));
    EXPECT_TRUE(record);
    return {};
  }));
  ASSERT_FALSE(store_->write_and_wait([](WriteTx& tx) -> Status {
    SQ_CHECK(tx.put(Collection::kMeta, "b", Value::empty_dict()));
    return fail(ErrorCode::kInvalid, "no");
  }));
  EXPECT_EQ(FaultVfs::instance().wal_syncs, before);
}

TEST_F(SqliteFaults, AFailedFlushEndsAllWriting) {
  ASSERT_TRUE(put("before"));
  FaultVfs::instance().fail_wal_sync = true;
  auto lock = hold_writer();
  std::vector<ErrorCode> codes;
  for (int i = 0; i < 3; ++i) {
    store_->write(
        [i](WriteTx& tx) { return tx.put(Collection::kMeta, "lost" + std::to_string(i), Value::empty_dict()); },
        [&](Status status) { codes.push_back(status ? ErrorCode::kInternal : status.error().code()); });
  }
  lock.unlock();
  FaultVfs& vfs = FaultVfs::instance();
  const Status after = put("after");
  ASSERT_FALSE(after);
  vfs.fail_wal_sync = false;  // the disk seems well again: too late
  const Status later = put("later");
  ASSERT_FALSE(later);
  EXPECT_EQ(codes, std::vector<ErrorCode>(3, ErrorCode::kIo));
  EXPECT_EQ(later.error().code(), ErrorCode::kIo);
  EXPECT_NE(later.error().message().find("takes no more writes"), std::string::npos) << later.error().message();
  EXPECT_TRUE(has("before"));
  EXPECT_FALSE(has("lost0"));
  EXPECT_FALSE(has("later"));
  store_->close();
  ASSERT_EQ(fatal_.size(), 1u);
  EXPECT_NE(fatal_[0].find("flush"), std::string::npos) << fatal_[0];

  reopen();
  EXPECT_TRUE(has("before"));
  EXPECT_FALSE(has("later"));
  EXPECT_TRUE(put("again"));
}

// Waits until the store says that it is held up, or not.
void await_hold_up(const Store& store, bool wanted) {
  for (int i = 0; i < 10'000 && store.hold_up().has_value() != wanted; ++i) usleep(1000);
  ASSERT_EQ(store.hold_up().has_value(), wanted);
}

TEST_F(SqliteFaults, AFullDiskHoldsChangesUpUntilThereIsSpace) {
  ASSERT_TRUE(put("before"));
  FaultVfs::instance().disk_full = true;
  auto lock = hold_writer();
  std::vector<bool> answers;
  for (int i = 0; i < 3; ++i) {
    store_->write(
        [i](WriteTx& tx) { return tx.put(Collection::kMeta, "held" + std::to_string(i), Value::empty_dict()); },
        [&](Status status) { answers.push_back(status.has_value()); });
  }
  lock.unlock();
  await_hold_up(*store_, true);
  EXPECT_NE(store_->hold_up()->message().find("no space"), std::string::npos) << store_->hold_up()->message();
  EXPECT_TRUE(answers.empty()) << "nobody may hear of a change that is not on the disk";
  EXPECT_TRUE(has("before")) << "reading goes on";
  EXPECT_FALSE(has("held1"));
  FaultVfs::instance().disk_full = false;
  await_hold_up(*store_, false);
  EXPECT_TRUE(put("after"));
  EXPECT_EQ(answers, std::vector<bool>(3, true));
  for (const char* id : {"before", "held0", "held1", "held2", "after"}) EXPECT_TRUE(has(id)) << id;
  EXPECT_TRUE(fatal_.empty());
}

// A transaction larger than the page cache spills into the log while the functions still run.
TEST_F(SqliteFaults, AFullDiskInsideABigGroupRunsTheWholeGroupAgain) {
  ASSERT_TRUE(put("before"));
  FaultVfs::instance().disk_full = true;
  auto lock = hold_writer();
  const Value big = Value::dict({{"text", std::string(1 << 20, 'x')}});
  int kept = 0;
  int refused = 0;
  for (int i = 0; i < 8; ++i) {
    store_->write(
        [&big, i](WriteTx& tx) -> Status {
          SQ_CHECK(tx.put(Collection::kMeta, "held" + std::to_string(i), big));
          return i == 5 ? Status(fail(ErrorCode::kInvalid, "no")) : Status();
        },
        [&](Status status) { ++(status ? kept : refused); });
  }
  lock.unlock();
  await_hold_up(*store_, true);
  FaultVfs::instance().disk_full = false;
  EXPECT_TRUE(put("after"));
  EXPECT_EQ(kept, 7);
  EXPECT_EQ(refused, 1);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(has("held" + std::to_string(i)), i != 5);
}

TEST_F(SqliteFaults, CloseDoesNotWaitForAFullDisk) {
  FaultVfs::instance().disk_full = true;
  std::optional<Status> answer;
  store_->write([](WriteTx& tx) { return tx.put(Collection::kMeta, "held", Value::empty_dict()); },
                [&](Status status) { answer = std::move(status); });
  await_hold_up(*store_, true);
  store_->close();
  ASSERT_TRUE(answer);
  ASSERT_FALSE(*answer);
  EXPECT_NE(answer->error().message().find("no space"), std::string::npos) << answer->error().message();
  FaultVfs::instance().disk_full = false;
  reopen();
  EXPECT_FALSE(has("held"));
  EXPECT_TRUE(fatal_.empty());
}

TEST_F(SqliteFaults, AFailedFlushOfTheDatabaseFileEndsWritingToo) {
  FaultVfs::instance().fail_database_sync = true;
  const Value big = Value::dict({{"text", std::string(64 << 10, 'x')}});
  int kept = 0;
  while (kept < 1000 && put(std::to_string(kept), big)) ++kept;
  store_->close();
  EXPECT_LT(kept, 1000);
  ASSERT_EQ(fatal_.size(), 1u);
  reopen();
  EXPECT_TRUE(has("0")) << "what was acknowledged is in the log";
}

TEST_F(SqliteFaults, TheLogDoesNotGrowWithoutBound) {
  const int before = FaultVfs::instance().database_syncs;
  for (int i = 0; i < 200; ++i) {
    // New content each time: SQLite does not write pages that stay as they are.
    const std::string text(256 << 10, static_cast<char>('a' + i % 26));
    ASSERT_TRUE(put(std::to_string(i % 10), Value::dict({{"text", text}})));
  }
  const auto size = std::filesystem::file_size(directory_.path() + "/squall.db-wal");
  EXPECT_LT(size, static_cast<uintmax_t>(3 * kWalCheckpointPages) * kPageBytes);
  EXPECT_GT(FaultVfs::instance().database_syncs, before);
}

TEST_F(SqliteFaults, ASecondOpenIsRefusedWithTheHoldersPid) {
  const auto second = open_sqlite_store({.directory = directory_.path()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kConflict);
  for (const std::string& part : {std::to_string(getpid()), directory_.path(), std::string("stop that process")}) {
    EXPECT_NE(second.error().message().find(part), std::string::npos) << second.error().message();
  }
  EXPECT_TRUE(put("a")) << "the refused open must not disturb the holder";
  store_->close();
  EXPECT_TRUE(open_sqlite_store({.directory = directory_.path()})) << "close() lets go of the lock";
}

TEST_F(SqliteFaults, ReopensWithEverythingThere) {
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(put(std::to_string(i)));
  ASSERT_TRUE(put("0"));
  reopen();
  Page page;
  ASSERT_TRUE(store_->read([&](ReadTx& tx) -> Status {
    SQ_TRY(page, tx.list(Collection::kMeta, {.limit = 1, .count_total = true}));
    return {};
  }));
  EXPECT_EQ(page.total, 300);
  EXPECT_EQ(page.records[0].revision, 2);
}

void overwrite(const std::string& path, std::streamoff at, const std::string& bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(at);
  file << bytes;
}

TEST_F(SqliteFaults, ADamagedFileIsTold) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(put(std::to_string(i)));
  store_->close();
  const std::string path = directory_.path() + "/squall.db";
  overwrite(path, 0, "this is no database!");
  const auto opened = open_sqlite_store({.directory = directory_.path()});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kIo);
  EXPECT_NE(opened.error().message().find(path), std::string::npos);
  EXPECT_NE(opened.error().message().find("backup"), std::string::npos) << opened.error().message();
}

TEST_F(SqliteFaults, DamageFoundLaterEndsWriting) {
  const Value document = Value::dict({{"text", std::string(3000, 'x')}});
  const auto put_all = [&](WriteTx& tx) -> Status {
    for (int i = 1000; i < 1500; ++i) SQ_CHECK(tx.put(Collection::kMeta, std::to_string(i), document));
    return {};
  };
  ASSERT_TRUE(store_->write_and_wait(put_all));
  store_->close();
  const std::string path = directory_.path() + "/squall.db";
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(path));
  overwrite(path, 100 * kPageBytes, std::string(static_cast<size_t>(size) - 100 * kPageBytes, '\xee'));
  reopen();
  EXPECT_FALSE(store_->write_and_wait(put_all));
  EXPECT_FALSE(put("later")) << "a page that still looks well must not be written either";
  store_->close();
  EXPECT_EQ(fatal_.size(), 1u);
}

TEST(SqliteOpen, RefusesAForeignDatabase) {
  const TestDirectory directory;
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open((directory.path() + "/squall.db").c_str(), &database), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(database, "CREATE TABLE t (a)", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(database);
  const auto opened = open_sqlite_store({.directory = directory.path()});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kInvalid);
  EXPECT_NE(opened.error().message().find("not squall's"), std::string::npos) << opened.error().message();
}

TEST(SqliteOpen, MakesTheDirectoryAndKeepsItPrivate) {
  const TestDirectory parent;
  const std::string directory = parent.path() + "/a/b";
  ASSERT_TRUE(open_sqlite_store({.directory = directory}));
  struct stat info = {};
  ASSERT_EQ(stat(directory.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST(SqliteOpen, TakesARelativeDirectory) {
  const TestDirectory parent;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(parent.path());
  EXPECT_TRUE(open_sqlite_store({.directory = "data"}));
  std::filesystem::current_path(before);
  EXPECT_TRUE(std::filesystem::exists(parent.path() + "/data/squall.db"));
}

TEST(SqliteOpen, SaysWhyADirectoryCannotBe) {
  const TestDirectory parent;
  std::ofstream(parent.path() + "/file") << "x";
  const auto opened = open_sqlite_store({.directory = parent.path() + "/file"});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kIo);
  EXPECT_NE(opened.error().message().find(parent.path() + "/file"), std::string::npos) << opened.error().message();
}

}  // namespace
}  // namespace squall::store
