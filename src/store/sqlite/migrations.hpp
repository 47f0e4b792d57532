// Brings the tables of a database to the form this program knows. See docs/reference/store-format.md.
#pragma once

#include <functional>
#include <span>

#include "base/result.hpp"
#include "store/schema.hpp"
#include "store/sqlite/connection.hpp"

namespace squall::store {

inline constexpr int64_t kFormatVersion = 1;

// One step of the on-disk form, from `to_version - 1`.
struct Migration {
  int64_t to_version;
  std::function<Status(Connection&)> run;
};

// The steps of all released versions, in order. Indexed fields that come or go need none: their columns follow the
// schema.
std::span<const Migration> migrations();

struct SchemaPlan {
  std::span<const CollectionSchema> collections = all_collections();
  int64_t version = kFormatVersion;
  std::span<const Migration> steps = migrations();
};

// Creates what is missing, runs the steps, adds, fills and drops columns and indexes of indexed fields; all in one
// transaction. kInvalid when the file is of a newer version, or not a store of squall.
Status prepare_schema(Connection& connection, const SchemaPlan& plan = {});

}  // namespace squall::store
