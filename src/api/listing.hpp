// Lists as StackStorm answers them: filters, paging, sorting, attribute selection (stackstorm-api.md section 1).
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/router.hpp"
#include "packs/loader.hpp"
#include "store/store.hpp"
#include "value/value.hpp"

namespace squall::api {

// The longest page of users that are no administrators: StackStorm's max_page_size.
inline constexpr int64_t kPageSizeMax = 100;

struct Paging {
  int64_t limit = 100;  // -1: all
  int64_t offset = 0;
};
Result<Paging> read_paging(const Call& call, int64_t default_limit);

// Parameters of the query in StackStorm's forms: true/1/yes/y, false/0/no/n in any case; an integer. The error is
// StackStorm's.
Result<bool> read_flag(const Call& call, std::string_view name, bool fallback);
Result<int64_t> read_integer(const Call& call, std::string_view name, int64_t fallback);

// include_attributes or exclude_attributes of one request.
struct Selection {
  std::vector<std::string> include, exclude;
  Value apply(const Value& document, std::span<const std::string_view> always) const;
};

// A parameter of the query that filters documents in memory by equality with one member.
struct ContentFilter {
  std::string_view parameter;
  std::string_view path;  // of the member, dotted; a list has the value when one of its items is it
};

// How one kind of document is listed. StackStorm has its own list of filters for each kind and ignores other
// parameters.
struct ListSpec {
  std::span<const std::string_view> attributes;  // all that exist
  std::span<const std::string_view> always;      // stay whatever is selected
  std::span<const std::string_view> excludable;  // what exclude_attributes may name
  std::span<const ContentFilter> filters;
  int64_t default_limit = 100;
  std::function<Value(const Value&)> view = [](const Value& document) { return document; };
};
Result<Selection> read_selection(const Call& call, const ListSpec& spec);

// Answers with documents that are in memory, in the order given unless `sort` names one of the filters.
void reply_list(const Call& call, std::vector<Value> documents, const ListSpec& spec);
// Answers with one document, whole or as the request selects.
void reply_one(const Call& call, const Value& document, const ListSpec& spec);

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

// What is wrong with files of packs: [{pack, kind, severity: "error" | "warning", where, message}].
Value load_problems_document(const std::vector<packs::LoadProblem>& problems);

Error not_found(const std::string& id, std::string_view what = "reference or id");
// For what has no reference: executions, trigger instances, enforcements, traces.
Error unknown_id(const std::string& id);

}  // namespace squall::api
