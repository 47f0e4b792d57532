#include "api/listing.hpp"

#include <algorithm>

#include "base/clock.hpp"
#include "base/strings.hpp"
#include "value/json.hpp"
#include "value/python.hpp"

namespace squall::api {
namespace {

// Query parameters that are not filters.
constexpr std::string_view kControl[] = {
    "limit",    "offset",    "sort",         "include_attributes", "exclude_attributes",
    "sort_asc", "sort_desc", "x-auth-token", "st2-api-key",        "max_result_size"};

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Result<int64_t> read_integer(const Call& call, std::string_view name, int64_t fallback) {
  const auto text = call.request.query_value(name);
  if (!text) return fallback;
  const auto number = parse_int(*text);
  if (!number) return fail(ErrorCode::kInvalid, "Parameter \"" + std::string(name) + "\" is not of type integer");
  return *number;
}

std::vector<std::string> read_names(const Call& call, std::string_view parameter) {
  std::vector<std::string> names;
  for (const std::string& name : split(call.query(parameter), ',')) {
    // Only the part before the first dot selects.
    const std::string top(trim(name.substr(0, name.find('.'))));
    if (!top.empty()) names.push_back(top);
  }
  return names;
}

Status check_names(const std::vector<std::string>& names, std::string_view kind,
                   std::span<const std::string_view> known, std::span<const std::string_view> refused) {
  for (const std::string& name : names) {
    if (contains(known, name) && !contains(refused, name)) continue;
    return fail(ErrorCode::kInvalid, "Invalid or unsupported " + std::string(kind) + " attribute specified: " + name);
  }
  return {};
}

net::ServerResponse list_response(List documents, int64_t total, int64_t limit) {
  net::ServerResponse response;
  response.body = to_json(Value(std::move(documents)));
  response.headers.set("X-Total-Count", std::to_string(total));
  response.headers.set("X-Limit", std::to_string(limit));
  return response;
}

bool matches(const Value& document, const std::string& name, const std::string& wanted) {
  const Value& value = name == "trigger" && document["trigger"].is_dict() ? document["trigger"]["type"]
                       : name == "action" && document["action"].is_dict() ? document["action"]["ref"]
                                                                          : document[name];
  if (value.is_bool()) {
    const std::string text = to_lower(wanted);
    return value.as_bool() == (text == "true" || text == "1" || text == "yes" || text == "y");
  }
  return python::str(value) == wanted;
}

std::vector<store::Sort> read_sort(const Call& call, std::string_view fallback) {
  std::string text = call.query("sort");
  if (text.empty()) text = fallback;
  // The st2 client's --sort-asc and --sort-desc turn the default order.
  if (!call.query("sort_asc").empty()) text = replace_all(fallback, "-", "");
  if (!call.query("sort_desc").empty()) text = "-" + replace_all(fallback, "-", "");
  std::vector<store::Sort> sort;
  for (const std::string& part : split(text, ',')) {
    std::string_view name = trim(part);
    bool descending = false;
    if (name.starts_with("-") || name.starts_with("+")) {
      descending = name.front() == '-';
      name.remove_prefix(1);
    }
    if (!name.empty()) sort.push_back({std::string(name), descending});
  }
  if (sort.empty() || sort.back().field != "id") sort.push_back({"id", !sort.empty() && sort.back().descending});
  return sort;
}

}  // namespace

Error not_found(const std::string& id, std::string_view what) {
  return Error(ErrorCode::kNotFound, "Resource with a " + std::string(what) + " \"" + id + "\" not found");
}

Result<Paging> read_paging(const Call& call, int64_t default_limit) {
  Paging paging;
  SQ_TRY(paging.limit, read_integer(call, "limit", default_limit));
  SQ_TRY(paging.offset, read_integer(call, "offset", 0));
  const std::string limit = std::to_string(paging.limit);
  if (paging.limit == 0) {
    return fail(ErrorCode::kInvalid, "Limit, \"0\" specified, must be a positive number or -1 for full result set.");
  }
  if (paging.limit < -1)
    return fail(ErrorCode::kInvalid, "Limit, \"" + limit + "\" specified, must be a positive number.");
  if (paging.offset < 0) {
    return fail(ErrorCode::kInvalid,
                "Offset, \"" + std::to_string(paging.offset) + "\" specified, must not be negative.");
  }
  return paging;
}

Value Selection::apply(const Value& document, std::span<const std::string_view> always) const {
  if (include.empty() && exclude.empty()) return document;
  Value shown = Value::empty_dict();
  for (const auto& [key, value] : document.as_dict()) {
    const bool chosen = include.empty() ? std::find(exclude.begin(), exclude.end(), key) == exclude.end()
                                        : std::find(include.begin(), include.end(), key) != include.end();
    if (chosen || contains(always, key)) shown.set(key, value);
  }
  return shown;
}

Result<Selection> read_selection(const Call& call, std::span<const std::string_view> known) {
  Selection selection{read_names(call, "include_attributes"), read_names(call, "exclude_attributes")};
  if (!selection.include.empty() && !selection.exclude.empty()) {
    return fail(ErrorCode::kInvalid,
                "exclude_fields and include_fields arguments are mutually exclusive. You need to provide either one or "
                "another, "
                "but not both.");
  }
  SQ_CHECK(check_names(selection.include, "include", known, {}));
  SQ_CHECK(check_names(selection.exclude, "exclude", known, {}));
  return selection;
}

void reply_list(const Call& call, std::vector<Value> documents, const ListSpec& spec) {
  const auto paging = read_paging(call, spec.default_limit);
  if (!paging) return call.fail(paging.error());
  const auto selection = read_selection(call, spec.attributes);
  if (!selection) return call.fail(selection.error());
  for (const auto& [name, value] : call.request.query) {
    if (contains(kControl, name) || !contains(spec.attributes, name)) continue;
    std::erase_if(documents,
                  [&, &key = name, &wanted = value](const Value& document) { return !matches(document, key, wanted); });
  }
  List page;
  for (size_t i = static_cast<size_t>(paging->offset); i < documents.size(); ++i) {
    if (paging->limit >= 0 && page.size() >= static_cast<size_t>(paging->limit)) break;
    page.push_back(selection->apply(documents[i], spec.always));
  }
  call.reply(list_response(std::move(page), static_cast<int64_t>(documents.size()), paging->limit));
}

void reply_one(const Call& call, const Value* document, const ListSpec& spec) {
  const auto selection = read_selection(call, spec.attributes);
  if (!selection) return call.fail(selection.error());
  call.reply(200, selection->apply(spec.view(*document), spec.always));
}

void reply_stored_list(const Call& call, store::Store& store, store::Collection collection,
                       std::span<const StoredFilter> filters, std::string_view default_sort, const ListSpec& spec,
                       std::vector<store::Filter> fixed) {
  const auto paging = read_paging(call, spec.default_limit);
  if (!paging) return call.fail(paging.error());
  const auto selection = read_selection(call, spec.attributes);
  if (!selection) return call.fail(selection.error());
  store::Query query;
  query.filters = std::move(fixed);
  for (const StoredFilter& filter : filters) {
    const auto value = call.request.query_value(filter.parameter);
    if (!value) continue;
    std::string text = *value;
    if (filter.is_time) {
      const auto time = parse_timestamp(text);
      if (!time) return call.fail(Error(ErrorCode::kInvalid, "Datetime value does not match expected format."));
      text = format_timestamp(*time);
    }
    if (text == "null" && filter.parameter == "parent") {
      query.filters.push_back({std::string(filter.field), store::Compare::kIsNull, Value()});
    } else {
      query.filters.push_back({std::string(filter.field), filter.compare, Value(text)});
    }
  }
  query.sort = read_sort(call, default_sort);
  query.offset = paging->offset;
  query.limit = paging->limit;
  query.count_total = true;
  store::Page page;
  const Status read = store.read([&](store::ReadTx& tx) -> Status {
    SQ_TRY(page, tx.list(collection, query));
    return {};
  });
  if (!read) return call.fail(read.error());
  List documents;
  for (const store::Record& record : page.records) {
    documents.push_back(selection->apply(spec.view(record.document), spec.always));
  }
  call.reply(list_response(std::move(documents), page.total, paging->limit));
}

}  // namespace squall::api
