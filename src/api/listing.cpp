#include "api/listing.hpp"

#include <algorithm>

#include "base/clock.hpp"
#include "base/strings.hpp"
#include "value/json.hpp"
#include "value/python.hpp"

namespace squall::api {
namespace {

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Error wrong_parameter(std::string_view name, std::string_view type) {
  return Error(ErrorCode::kInvalid, "Parameter \"" + std::string(name) + "\" is not of type " + std::string(type));
}

std::optional<bool> parse_flag(std::string_view given) {
  const std::string text = to_lower(given);
  if (text == "true" || text == "1" || text == "yes" || text == "y") return true;
  if (text == "false" || text == "0" || text == "no" || text == "n") return false;
  return std::nullopt;
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
                   std::span<const std::string_view> known) {
  for (const std::string& name : names) {
    if (contains(known, name)) continue;
    return fail(ErrorCode::kInvalid, "Invalid or unsupported " + std::string(kind) + " attribute specified: " + name);
  }
  return {};
}

net::ServerResponse list_response(List documents, int64_t total, int64_t limit) {
  net::ServerResponse response;
  response.body = to_json(Value(std::move(documents)));
  response.headers.set("X-Total-Count", std::to_string(total));
  if (limit > 0) response.headers.set("X-Limit", std::to_string(limit));
  return response;
}

bool has_value(const Value& value, const std::string& wanted) {
  if (value.is_list()) {
    return std::any_of(value.as_list().begin(), value.as_list().end(),
                       [&](const Value& item) { return has_value(item, wanted); });
  }
  if (value.is_bool()) return parse_flag(wanted) == value.as_bool();
  return python::str(value) == wanted;
}

// Only parameters that are filters sort; others are ignored, as in StackStorm.
void sort_documents(const Call& call, std::vector<Value>& documents, std::span<const ContentFilter> filters) {
  struct Key {
    std::string_view path;
    bool descending;
  };
  std::vector<Key> keys;
  for (const std::string& part : split(call.query("sort"), ',')) {
    std::string_view name = trim(part);
    const bool descending = name.starts_with("-");
    if (descending || name.starts_with("+")) name.remove_prefix(1);
    for (const ContentFilter& filter : filters) {
      if (filter.parameter == name) keys.push_back({filter.path, descending});
    }
  }
  if (keys.empty()) return;
  std::stable_sort(documents.begin(), documents.end(), [&](const Value& a, const Value& b) {
    for (const Key& key : keys) {
      const std::string left = python::str(a.at_path(key.path)), right = python::str(b.at_path(key.path));
      if (left != right) return (left < right) != key.descending;
    }
    return false;
  });
}

// The stored field that a name in `sort` means: a filter's, or an indexed field's own. Empty when it means none.
std::string_view sort_field(std::string_view name, std::span<const StoredFilter> filters,
                            store::Collection collection) {
  if (name == "id") return "id";
  for (const StoredFilter& filter : filters) {
    if (filter.parameter == name) return filter.field;
  }
  for (const store::IndexedField& field : store::schema_of(collection).fields) {
    if (field.name == name) return field.name;
  }
  return {};
}

// What cannot be sorted by is ignored, as in StackStorm.
std::vector<store::Sort> parse_sort(std::string_view text, std::span<const StoredFilter> filters,
                                    store::Collection collection) {
  std::vector<store::Sort> sort;
  for (const std::string& part : split(text, ',')) {
    std::string_view name = trim(part);
    const bool descending = name.starts_with("-");
    if (descending || name.starts_with("+")) name.remove_prefix(1);
    const std::string_view field = sort_field(name, filters, collection);
    if (!field.empty()) sort.push_back({std::string(field), descending});
  }
  return sort;
}

std::vector<store::Sort> read_sort(const Call& call, std::string_view fallback, std::span<const StoredFilter> filters,
                                   store::Collection collection) {
  std::vector<store::Sort> sort = parse_sort(call.query("sort"), filters, collection);
  // The st2 client's --sort-asc and --sort-desc turn the default order.
  const std::string ascending = replace_all(fallback, "-", "");
  if (!call.query("sort_asc").empty()) sort = parse_sort(ascending, filters, collection);
  if (!call.query("sort_desc").empty()) sort = parse_sort("-" + ascending, filters, collection);
  if (sort.empty()) sort = parse_sort(fallback, filters, collection);
  if (sort.empty() || sort.back().field != "id") sort.push_back({"id", !sort.empty() && sort.back().descending});
  return sort;
}

// "a,b,c" for ids: any of them.
store::Filter equality(const StoredFilter& filter, const std::string& text) {
  if (filter.parameter == "parent" && text == "null") {
    return {std::string(filter.field), store::Compare::kIsNull, Value()};
  }
  if (filter.parameter != "id" || text.find(',') == std::string::npos) {
    return {std::string(filter.field), filter.compare, Value(text)};
  }
  List ids;
  for (const std::string& id : split(text, ',')) ids.emplace_back(trim(id));
  return {std::string(filter.field), store::Compare::kIn, Value(std::move(ids))};
}

}  // namespace

Result<int64_t> read_integer(const Call& call, std::string_view name, int64_t fallback) {
  const auto text = call.request.query_value(name);
  if (!text) return fallback;
  const auto number = parse_int(*text);
  if (!number) return fail(wrong_parameter(name, "integer"));
  return *number;
}

Result<bool> read_flag(const Call& call, std::string_view name, bool fallback) {
  const auto text = call.request.query_value(name);
  if (!text) return fallback;
  const auto flag = parse_flag(*text);
  if (!flag) return fail(wrong_parameter(name, "boolean"));
  return *flag;
}

Value load_problems_document(const std::vector<packs::LoadProblem>& problems) {
  List list;
  for (const auto& problem : problems) {
    list.push_back(Value::dict({{"pack", problem.pack},
                                {"kind", problem.kind},
                                {"severity", problem.is_warning ? "warning" : "error"},
                                {"where", problem.error.where().to_string()},
                                {"message", problem.error.message()}}));
  }
  return Value(std::move(list));
}

Error not_found(const std::string& id, std::string_view what) {
  return Error(ErrorCode::kNotFound, "Resource with a " + std::string(what) + " \"" + id + "\" not found");
}

Error unknown_id(const std::string& id) {
  return Error(ErrorCode::kNotFound, "Unable to identify resource with id \"" + id + "\".");
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
  // Lists that have no pages by themselves may be had whole; the size of all others is limited, but for administrators.
  if (call.request.query_value("limit") && !call.is_admin()) {
    if (paging.limit == -1) {
      return fail(ErrorCode::kForbidden,
                  "Administrator access required to be able to specify limit=-1 and retrieve all the records");
    }
    if (paging.limit > kPageSizeMax) {
      return fail(ErrorCode::kForbidden, "Limit \"" + limit + "\" specified, maximum value is \"" +
                                             std::to_string(kPageSizeMax) + "\"");
    }
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

Result<Selection> read_selection(const Call& call, const ListSpec& spec) {
  Selection selection{read_names(call, "include_attributes"), read_names(call, "exclude_attributes")};
  if (!selection.include.empty() && !selection.exclude.empty()) {
    return fail(ErrorCode::kInvalid,
                "exclude_fields and include_fields arguments are mutually exclusive. You need to provide either one or "
                "another, but not both.");
  }
  SQ_CHECK(check_names(selection.include, "include", spec.attributes));
  SQ_CHECK(check_names(selection.exclude, "exclude", spec.excludable));
  return selection;
}

void reply_list(const Call& call, std::vector<Value> documents, const ListSpec& spec) {
  const auto paging = read_paging(call, spec.default_limit);
  if (!paging) return call.fail(paging.error());
  const auto selection = read_selection(call, spec);
  if (!selection) return call.fail(selection.error());
  for (const ContentFilter& filter : spec.filters) {
    const auto wanted = call.request.query_value(filter.parameter);
    if (!wanted) continue;
    std::erase_if(documents, [&](const Value& document) { return !has_value(document.at_path(filter.path), *wanted); });
  }
  sort_documents(call, documents, spec.filters);
  List page;
  for (size_t i = static_cast<size_t>(paging->offset); i < documents.size(); ++i) {
    if (paging->limit >= 0 && page.size() >= static_cast<size_t>(paging->limit)) break;
    page.push_back(selection->apply(spec.view(documents[i]), spec.always));
  }
  call.reply(list_response(std::move(page), static_cast<int64_t>(documents.size()), paging->limit));
}

void reply_one(const Call& call, const Value& document, const ListSpec& spec) {
  const auto selection = read_selection(call, spec);
  if (!selection) return call.fail(selection.error());
  call.reply(200, selection->apply(spec.view(document), spec.always));
}

void reply_stored_list(const Call& call, store::Store& store, store::Collection collection,
                       std::span<const StoredFilter> filters, std::string_view default_sort, const ListSpec& spec,
                       std::vector<store::Filter> fixed) {
  const auto paging = read_paging(call, spec.default_limit);
  if (!paging) return call.fail(paging.error());
  const auto selection = read_selection(call, spec);
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
    query.filters.push_back(equality(filter, text));
  }
  query.sort = read_sort(call, default_sort, filters, collection);
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
