// Lists as StackStorm answers them: filters, paging, sorting, attribute selection (stackstorm-api.md section 1).
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/router.hpp"
#include "store/store.hpp"
#include "value/value.hpp"

namespace squall::api {

struct Paging {
  int64_t limit = 100;  // -1: all
  int64_t offset = 0;
};
Result<Paging> read_paging(const Call& call, int64_t default_limit);

// include_attributes or exclude_attributes of one request.
struct Selection {
  std::vector<std::string> include, exclude;
  Value apply(const Value& document, std::span<const std::string_view> always) const;
};
// `known` names every attribute that the kind of document can have.
Result<Selection> read_selection(const Call& call, std::span<const std::string_view> known);

// How one kind of document is listed.
struct ListSpec {
  std::span<const std::string_view> attributes;  // all that exist
  std::span<const std::string_view> always;      // stay whatever is selected
  int64_t default_limit = 100;
  std::function<Value(const Value&)> view = [](const Value& document) { return document; };
};

// Answers with documents that are in memory. Query parameters that name an attribute filter by equality.
void reply_list(const Call& call, std::vector<Value> documents, const ListSpec& spec);
void reply_one(const Call& call, const Value* document, const ListSpec& spec);

struct StoredFilter {
  std::string_view parameter;  // of the query
  std::string_view field;      // of the store
  store::Compare compare = store::Compare::kEqual;
  bool is_time = false;
};
// Answers from the store. `default_sort` as in "sort": "-start_timestamp".
void reply_stored_list(const Call& call, store::Store& store, store::Collection collection,
                       std::span<const StoredFilter> filters, std::string_view default_sort, const ListSpec& spec,
                       std::vector<store::Filter> fixed = {});

Error not_found(const std::string& id, std::string_view what = "reference or id");

}  // namespace squall::api
