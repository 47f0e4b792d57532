#include "store/sqlite/migrations.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>

#include "store/sqlite/query_sql.hpp"
#include "store/sqlite/transaction.hpp"
#include "store/test_directory.hpp"

namespace squall::store {
namespace {

class Migrations : public ::testing::Test {
 protected:
  std::unique_ptr<Connection> open() {
    auto opened = Connection::open({.path = directory_.path() + "/squall.db", .role = ConnectionRole::kWriter});
    if (!opened) ADD_FAILURE() << opened.error().to_string();
    return opened ? std::move(*opened) : nullptr;
  }
  // All values of a column of the table, in the order of ids; "null" for null.
  static std::vector<std::string> column(Connection& connection, const std::string& name) {
    auto statement = connection.statement("SELECT coalesce(" + sql_name(name) + ", 'null') FROM meta ORDER BY id");
    if (!statement) return {statement.error().message()};
    std::vector<std::string> values;
    while (true) {
      auto row = statement->step();
      if (!row) return {row.error().message()};
      if (!*row) return values;
      values.emplace_back(statement->text(0));
    }
  }
  static int64_t number(Connection& connection, const std::string& sql) {
    auto statement = connection.statement(sql);
    EXPECT_TRUE(statement);
    EXPECT_TRUE(statement->step());
    return statement->integer(0);
  }

  TestDirectory directory_;
};

using Texts = std::vector<std::string>;

TEST_F(Migrations, FieldsComeChangeAndGoWithTheSchema) {
  const IndexedField one[] = {{"name", "name"}};
  const IndexedField two[] = {{"name", "name"}, {"size", "spec.size", FieldType::kInteger}};
  const IndexedField moved[] = {{"name", "spec.name"}};
  const CollectionSchema with_one[] = {{Collection::kMeta, "meta", one}};
  const CollectionSchema with_two[] = {{Collection::kMeta, "meta", two}};
  const CollectionSchema with_moved[] = {{Collection::kMeta, "meta", moved}};

  const auto connection = open();
  ASSERT_TRUE(prepare_schema(*connection, {.collections = with_one}));
  // More rows than are filled in one go.
  for (int i = 0; i < 1201; ++i) {
    const std::string id = "id" + std::to_string(10000 + i);
    const std::string json = i % 2 == 0 ? R"({"name": "a", "spec": {"size": 7, "name": "b"}})" : R"({"name": "c"})";
    ASSERT_TRUE(connection->execute("INSERT INTO meta (id, revision, name, document) VALUES ('" + id + "', 1, 'a', '" +
                                    json + "')"));
  }
  ASSERT_TRUE(prepare_schema(*connection, {.collections = with_two}));
  auto sizes = column(*connection, "size");
  ASSERT_EQ(sizes.size(), 1201u);
  EXPECT_EQ(Texts(sizes.begin(), sizes.begin() + 3), (Texts{"7", "null", "7"}));
  EXPECT_EQ(sizes.back(), "7");
  EXPECT_EQ(number(*connection, "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name = 'meta__size'"), 1);

  ASSERT_TRUE(prepare_schema(*connection, {.collections = with_moved}));
  auto names = column(*connection, "name");
  EXPECT_EQ(Texts(names.begin(), names.begin() + 3), (Texts{"b", "null", "b"})) << "the path changed: filled anew";
  EXPECT_EQ(number(*connection, "SELECT count(*) FROM pragma_table_xinfo('meta') WHERE name = 'size'"), 0);
  EXPECT_EQ(number(*connection, "SELECT count(*) FROM sqlite_schema WHERE name = 'meta__size'"), 0);
}

TEST_F(Migrations, ADocumentThatDoesNotFitANewFieldStopsTheOpenWithItsCollection) {
  const IndexedField one[] = {{"size", "size", FieldType::kInteger}};
  const CollectionSchema without[] = {{Collection::kMeta, "meta", {}}};
  const CollectionSchema with[] = {{Collection::kMeta, "meta", one}};
  const auto connection = open();
  ASSERT_TRUE(prepare_schema(*connection, {.collections = without}));
  ASSERT_TRUE(connection->execute(R"(INSERT INTO meta (id, revision, document) VALUES ('a', 1, '{"size": "big"}'))"));
  const Status status = prepare_schema(*connection, {.collections = with});
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("'meta', at 'size'"), std::string::npos) << status.error().message();
  EXPECT_FALSE(connection->in_transaction());
  EXPECT_TRUE(prepare_schema(*connection, {.collections = without})) << "nothing of the failed attempt may stay";
}

TEST_F(Migrations, StepsRunInOrderAndOnce) {
  const CollectionSchema collections[] = {{Collection::kMeta, "meta", {}}};
  std::vector<int> ran;
  const Migration steps[] = {
      {2,
       [&](Connection&) -> Status {
         ran.push_back(2);
         return {};
       }},
      {3,
       [&](Connection& connection) {
         ran.push_back(3);
         return connection.execute(R"(UPDATE meta SET document = '{"n": 3}')");
       }},
  };
  const auto connection = open();
  ASSERT_TRUE(prepare_schema(*connection, {.collections = collections, .version = 1, .steps = {}}));
  ASSERT_TRUE(connection->execute("INSERT INTO meta VALUES ('a', 1, '{}')"));
  const SchemaPlan newer{.collections = collections, .version = 3, .steps = steps};
  ASSERT_TRUE(prepare_schema(*connection, newer));
  ASSERT_TRUE(prepare_schema(*connection, newer));
  EXPECT_EQ(ran, (std::vector<int>{2, 3}));
  SqliteTransaction transaction(*connection);
  const auto record = transaction.get(Collection::kMeta, "a");
  ASSERT_TRUE(record && *record);
  EXPECT_TRUE((*record)->document["n"] == 3);
}

TEST_F(Migrations, AFailedStepChangesNothing) {
  const CollectionSchema collections[] = {{Collection::kMeta, "meta", {}}};
  const Migration steps[] = {{2, [](Connection& connection) -> Status {
                                SQ_CHECK(connection.execute("DELETE FROM meta"));
                                return fail(ErrorCode::kInvalid, "cannot");
                              }}};
  const auto connection = open();
  ASSERT_TRUE(prepare_schema(*connection, {.collections = collections, .version = 1, .steps = {}}));
  ASSERT_TRUE(connection->execute("INSERT INTO meta VALUES ('a', 1, '{}')"));
  ASSERT_FALSE(prepare_schema(*connection, {.collections = collections, .version = 2, .steps = steps}));
  EXPECT_EQ(number(*connection, "SELECT count(*) FROM meta"), 1);
  EXPECT_EQ(number(*connection, "SELECT value FROM store_format"), 1);
}

TEST_F(Migrations, RefusesANewerVersionAndAMissingStep) {
  const auto connection = open();
  ASSERT_TRUE(prepare_schema(*connection, {.version = 7}));
  const Status newer = prepare_schema(*connection, {.version = 6});
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code(), ErrorCode::kInvalid);
  EXPECT_NE(newer.error().message().find("format version 7"), std::string::npos) << newer.error().message();
  const Status gap = prepare_schema(*connection, {.version = 8});
  ASSERT_FALSE(gap);
  EXPECT_EQ(gap.error().code(), ErrorCode::kInvalid);
}

TEST_F(Migrations, EverySortedPageIsReadThroughAnIndex) {
  const auto connection = open();
  ASSERT_TRUE(prepare_schema(*connection));
  const CollectionSchema& schema = schema_of(Collection::kExecutions);
  const auto plan = plan_query(
      schema, {.filters = {{"parent", Compare::kIsNull, {}}}, .sort = {{"start_timestamp", true}}, .limit = 50});
  ASSERT_TRUE(plan);
  auto explain = connection->statement("EXPLAIN QUERY PLAN " + select_sql(schema, *plan));
  ASSERT_TRUE(explain);
  ASSERT_TRUE(explain->step());
  EXPECT_NE(explain->text(3).find("executions__start_timestamp"), std::string::npos) << explain->text(3);
}

// A filter and the newest first: without a sort, however many match.
TEST_F(Migrations, PagesOfOneFieldsMatchesAreReadInOrder) {
  const auto connection = open();
  ASSERT_TRUE(prepare_schema(*connection));
  const CollectionSchema& schema = schema_of(Collection::kExecutions);
  for (const char* field : {"status", "action", "parent", "trigger_instance"}) {
    const auto plan = plan_query(
        schema, {.filters = {{field, Compare::kEqual, "x"}}, .sort = {{"start_timestamp", true}}, .limit = 50});
    ASSERT_TRUE(plan);
    auto explain = connection->statement("EXPLAIN QUERY PLAN " + select_sql(schema, *plan));
    ASSERT_TRUE(explain);
    ASSERT_TRUE(explain->step());
    EXPECT_NE(explain->text(3).find("executions__" + std::string(field)), std::string::npos) << explain->text(3);
    // Ties of the time are put in the order of their ids; nothing else is sorted. Newer SQLites say "LAST TERM".
    while (*explain->step()) {
      const std::string_view text = explain->text(3);
      EXPECT_TRUE(text.find("RIGHT PART") != text.npos || text.find("LAST TERM") != text.npos) << text;
    }
  }
}

TEST_F(Migrations, AnOldFilesIndexesAreMadeAnew) {
  std::ifstream file(std::string(SQUALL_SOURCE_DIR) + "/src/store/testdata/indexes_over_one_field.sql");
  const std::string sql((std::istreambuf_iterator<char>(file)), {});
  ASSERT_FALSE(sql.empty());
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open((directory_.path() + "/squall.db").c_str(), &database), SQLITE_OK);
  char* error = nullptr;
  ASSERT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
  ASSERT_EQ(sqlite3_close(database), SQLITE_OK);

  const auto connection = open();
  ASSERT_TRUE(prepare_schema(*connection));
  const auto index_count = [&] {
    return number(
        *connection,
        "SELECT count(*) FROM sqlite_schema WHERE tbl_name = 'executions' AND sql LIKE '%start_timestamp%, id)'");
  };
  EXPECT_EQ(index_count(), 5) << "four with the time behind the field, and that of the time";
  SqliteTransaction transaction(*connection);
  const auto page = transaction.list(Collection::kExecutions, {.filters = {{"action", Compare::kEqual, "core.noop"}},
                                                               .sort = {{"start_timestamp", true}}});
  ASSERT_TRUE(page) << page.error().to_string();
  Texts found;
  for (const Record& record : page->records) found.push_back(record.id.substr(20) + record.document["status"].string());
  EXPECT_EQ(found, (Texts{"0001succeeded", "0004running", "0002failed"}));
  EXPECT_EQ(page->records[1].revision, 4);

  const int64_t version = number(*connection, "PRAGMA schema_version");
  ASSERT_TRUE(prepare_schema(*connection));
  EXPECT_EQ(number(*connection, "PRAGMA schema_version"), version) << "the second start has nothing to do";
}

}  // namespace
}  // namespace squall::store
