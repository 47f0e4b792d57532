// Reads and writes of one SQLite transaction, which somebody else begins and ends.
#pragma once

#include "store/sqlite/connection.hpp"
#include "store/store.hpp"

namespace squall::store {

class SqliteTransaction final : public WriteTx {
 public:
  explicit SqliteTransaction(Connection& connection) : connection_(connection) {}

  Result<std::optional<Record>> get(Collection collection, std::string_view id) override;
  Result<Page> list(Collection collection, const Query& query) override;
  Status insert(Collection collection, std::string_view id, const Value& document) override;
  using WriteTx::put;
  Status put(Collection collection, std::string_view id, const ReadyDocument& row) override;
  Status update(Collection collection, std::string_view id, int64_t revision, const Value& document) override;
  Result<bool> erase(Collection collection, std::string_view id) override;

 private:
  Connection& connection_;
};

}  // namespace squall::store
