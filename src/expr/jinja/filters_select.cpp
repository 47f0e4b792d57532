// Filters that apply a filter, a test or an attribute to each element: map, select, reject and kin; default and attr.
#include <memory>

#include "expr/jinja/filters.hpp"
#include "expr/jinja/methods.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

using py::raise;

namespace {

Result<Value> default_value(Runtime& rt, const Bound& a) {
  const Value fallback = a.value_or(1, Value(""));
  if (is_undefined(a[0])) return fallback;
  SQ_TRY(const bool also_false, rt.truthy(a.value_or(2, false)));
  if (!also_false) return a[0];
  SQ_TRY(const bool truth, rt.truthy(a[0]));
  return truth ? a[0] : fallback;
}

Result<Value> attribute(Runtime& rt, const Bound& a) {
  if (is_strict_undefined(a[1])) return raise_undefined(a[1]);
  if (!rt.is_hashable(a[1])) return py::type_error("unhashable type: '" + std::string(rt.type_name(a[1])) + "'");
  const bool is_text = a[1].is_string() || a[1].kind() == Kind::kMarkup;
  if (!is_text) return py::type_error("attribute name must be string, not '" + std::string(rt.type_name(a[1])) + "'");
  if (is_undefined(a[0])) return raise_undefined(a[0]);
  if (a[1].kind() == Kind::kMarkup) {
    SQ_TRY(const std::string shown, rt.repr(a[1]));
    SQ_TRY(auto found, rt.find_attribute(a[0], a[1].as_string()));
    if (found) return *std::move(found);
    const std::string type = rt.type_repr(rt.resolve(a[0]));
    return make_undefined(UndefinedKind::kStrict, "'" + type + "' has no attribute " + shown);
  }
  const std::string_view name = a[1].as_string();
  SQ_TRY(auto found, rt.find_attribute(a[0], name));
  return found ? *std::move(found) : rt.undefined_member(a[0], a[1]);
}

// What one element becomes; nothing: it is dropped.
using Step = std::function<Result<std::optional<Value>>(const Value& item)>;

// A generator over the elements of `source`. Everything, mistakes included, waits until it is read.
Value stepping_generator(Runtime& rt, std::string name, const Value& source, std::function<Result<Step>()> prepare) {
  struct State {
    bool started = false;
    Step step;
    Cursor cursor;
  };
  return make_object<Generator>(
      "generator", std::move(name),
      [&rt, source, prepare = std::move(prepare), state = std::make_shared<State>()](Value& out) -> Result<bool> {
        if (!state->started) {
          state->started = true;
          SQ_TRY(const bool any, rt.truthy(source));
          if (any) {
            SQ_TRY(state->step, prepare());
            SQ_TRY(state->cursor, rt.iterate(source));
          }
        }
        if (state->cursor == nullptr) return false;
        Value item;
        while (true) {
          SQ_TRY(const bool more, state->cursor(item));
          if (!more) return false;
          SQ_CHECK(rt.charge());
          SQ_TRY(auto value, state->step(item));
          if (!value) continue;
          out = *std::move(value);
          return true;
        }
      });
}

// The name of a filter or a test, which any value may be given for; looked up for each element, as Jinja does.
Result<std::string_view> name_of(Runtime& rt, const Value& name, std::string_view noun) {
  if (name.is_string() || name.kind() == Kind::kMarkup) return name.as_string();
  if (is_strict_undefined(name)) return raise_undefined(name);
  if (!rt.is_hashable(name)) return py::type_error("unhashable type: '" + std::string(rt.type_name(name)) + "'");
  SQ_TRY(const std::string shown, rt.repr(name));
  return raise("TemplateRuntimeError", "No " + std::string(noun) + " named " + shown + ".");
}

Result<Step> map_step(Runtime& rt, const List& positional, Dict keywords) {
  if (positional.empty() && keywords.find("attribute") != nullptr) {
    SQ_TRY(AttributeGetter getter, AttributeGetter::parse(rt, *keywords.find("attribute")));
    const Value* given = keywords.find("default");
    const Value fallback = given != nullptr ? *given : Value();
    keywords.erase("attribute");
    keywords.erase("default");
    if (!keywords.empty()) {
      return raise("FilterArgumentError", "Unexpected keyword argument " + python::repr(Value(keywords.begin()->key)));
    }
    return [&rt, getter = std::move(getter), fallback](const Value& item) -> Result<std::optional<Value>> {
      SQ_TRY(Value value, getter.get(rt, item, &fallback));
      return std::optional(std::move(value));
    };
  }
  if (positional.empty()) return raise("FilterArgumentError", "map requires a filter argument");
  const Value filter = positional.front();
  CallArguments arguments{List(positional.begin() + 1, positional.end()), std::move(keywords)};
  return [&rt, filter, arguments = std::move(arguments)](const Value& item) -> Result<std::optional<Value>> {
    SQ_TRY(const std::string_view name, name_of(rt, filter, "filter"));
    SQ_TRY(Value value, rt.call_filter(name, item, arguments));
    return std::optional(std::move(value));
  };
}

Result<Value> map(Runtime& rt, const Bound& a) {
  return stepping_generator(rt, "sync_do_map", a[0], [&rt, positional = a.rest, keywords = a.keywords] {
    return map_step(rt, positional, keywords);
  });
}

// `wanted`: keep what passes (select) or what does not (reject).
Result<Step> select_step(Runtime& rt, List positional, const Dict& keywords, bool by_attribute, bool wanted) {
  AttributeGetter getter;
  if (by_attribute) {
    if (positional.empty()) return raise("FilterArgumentError", "Missing parameter for attribute name");
    SQ_TRY(getter, AttributeGetter::parse(rt, positional.front()));
    positional.erase(positional.begin());
  }
  std::optional<Value> test;
  if (!positional.empty()) {
    test = positional.front();
    positional.erase(positional.begin());
  }
  CallArguments arguments{std::move(positional), keywords};
  return
      [&rt, getter, test, arguments = std::move(arguments), wanted](const Value& item) -> Result<std::optional<Value>> {
        SQ_TRY(const Value value, getter.get(rt, item));
        std::string_view name;
        if (test) {
          SQ_TRY(name, name_of(rt, *test, "test"));
        }
        SQ_TRY(const bool passes, test ? rt.call_test(name, value, arguments) : rt.truthy(value));
        return passes == wanted ? std::optional(item) : std::nullopt;
      };
}

template <bool ByAttribute, bool Wanted>
Result<Value> select(Runtime& rt, const Bound& a) {
  return stepping_generator(rt, "select_or_reject", a[0], [&rt, positional = a.rest, keywords = a.keywords] {
    return select_step(rt, positional, keywords, ByAttribute, Wanted);
  });
}

}  // namespace

std::span<const Filter> select_filters() {
  static const Filter kFilters[] = {
      {"attr", Signature("do_attr: environment~ obj name"), attribute, {}},
      {"d", Signature("do_default: value default_value? boolean?"), default_value, {}},
      {"default", Signature("do_default: value default_value? boolean?"), default_value, {}},
      {"map", Signature("sync_do_map: context~ value *"), map, {}},
      {"reject", Signature("sync_do_reject: context~ value *"), select<false, false>, {}},
      {"rejectattr", Signature("sync_do_rejectattr: context~ value *"), select<true, false>, {}},
      {"select", Signature("sync_do_select: context~ value *"), select<false, true>, {}},
      {"selectattr", Signature("sync_do_selectattr: context~ value *"), select<true, true>, {}},
  };
  return kFilters;
}

}  // namespace squall::expr::jinja
