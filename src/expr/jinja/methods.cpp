#include "expr/jinja/methods.hpp"

#include <algorithm>
#include <unordered_map>

namespace squall::expr::jinja {

namespace {

using Table = std::unordered_map<std::string_view, const Method*>;

Table table_of(std::span<const Method> methods) {
  Table table;
  for (const Method& method : methods) table.emplace(method.name, &method);
  return table;
}

const Table* methods_of(const Value& self) {
  static const Table kStr = table_of(str_methods());
  static const Table kList = table_of(list_methods());
  static const Table kTuple = table_of(tuple_methods());
  static const Table kDict = table_of(dict_methods());
  static const Table kInt = table_of(number_methods(false));
  static const Table kFloat = table_of(number_methods(true));
  static const Table kTime = table_of(time_methods());
  switch (self.kind()) {
    case Kind::kString:
    case Kind::kMarkup: return &kStr;
    case Kind::kList: return &kList;
    case Kind::kTuple: return &kTuple;
    case Kind::kDict: return &kDict;
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kUInt:
    case Kind::kBigInt: return &kInt;
    case Kind::kDouble: return &kFloat;
    case Kind::kDateTime:
    case Kind::kDate:
    case Kind::kTimeDelta: return &kTime;
    case Kind::kObject:
      if (as_object_of<Mapping>(self) != nullptr) return &kDict;
      return as_object_of<GroupTuple>(self) != nullptr ? &kTuple : nullptr;
    default: return nullptr;
  }
}

constexpr std::string_view kEveryObject[] = {
    "__class__",        "__init__",
    "__doc__",          "__eq__",
    "__ne__",           "__lt__",
    "__le__",           "__gt__",
    "__ge__",           "__hash__",
    "__repr__",         "__str__",
    "__dir__",          "__new__",
    "__format__",       "__reduce__",
    "__sizeof__",       "__reduce_ex__",
    "__setattr__",      "__delattr__",
    "__getattribute__", "__init_subclass__",
    "__subclasshook__",
};
constexpr std::string_view kContainer[] = {"__len__", "__getitem__", "__contains__", "__iter__"};
constexpr std::string_view kNumber[] = {"__add__",     "__sub__",  "__mul__",   "__round__", "__int__",  "__float__",
                                        "__abs__",     "__neg__",  "__pos__",   "__mod__",   "__pow__",  "__floordiv__",
                                        "__truediv__", "__bool__", "__trunc__", "__floor__", "__ceil__", "__divmod__"};
constexpr std::string_view kBuiltinFunction[] = {"__call__", "__name__",   "__qualname__",
                                                 "__self__", "__module__", "__text_signature__"};
constexpr std::string_view kPythonFunction[] = {"__call__",   "__name__",    "__qualname__",   "__globals__",
                                                "__code__",   "__closure__", "__defaults__",   "__dict__",
                                                "__module__", "__get__",     "__kwdefaults__", "__annotations__"};
constexpr std::string_view kType[] = {"__call__", "__name__",   "__qualname__",   "__mro__", "__bases__",  "__base__",
                                      "__dict__", "__module__", "__subclasses__", "__len__", "__getitem__"};
constexpr std::string_view kInstance[] = {"__dict__", "__module__", "__weakref__", "__call__"};

bool is_one_of(std::string_view name, std::span<const std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

const Method* find_method(const Value& self, std::string_view name) {
  const Table* table = methods_of(self);
  if (table == nullptr) return nullptr;
  const auto found = table->find(name);
  return found == table->end() ? nullptr : found->second;
}

Result<Value> run_method(Runtime& rt, const Method& method, const Value& self, const CallArguments& arguments) {
  SQ_CHECK(rt.charge_input(self));
  Bound bound;
  SQ_CHECK(bind(method.signature, nullptr, arguments, bound));
  return method.run(rt, self, bound);
}

bool has_internal_attribute(const Value& value, std::string_view name) {
  if (is_one_of(name, kEveryObject)) return true;
  switch (value.kind()) {
    case Kind::kString:
    case Kind::kMarkup:
    case Kind::kList:
    case Kind::kTuple:
      if (name == "__add__" || name == "__mul__" || name == "__rmul__") return true;
      [[fallthrough]];
    case Kind::kBytes:
    case Kind::kSet:
    case Kind::kDict: return is_one_of(name, kContainer);
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kUInt:
    case Kind::kBigInt:
    case Kind::kDouble: return is_one_of(name, kNumber);
    case Kind::kObject: break;
    default: return false;
  }
  const std::string_view type = value.type_name();
  if (type == "builtin_function_or_method") return is_one_of(name, kBuiltinFunction);
  if (type == "function" || type == "method") return is_one_of(name, kPythonFunction);
  if (type == "type") return is_one_of(name, kType);
  const PyObject* object = as_py_object(value);
  if (object != nullptr && (object->has_items() || !object->module().empty())) {
    if (is_one_of(name, kContainer)) return object->has_items();
  }
  return is_one_of(name, kInstance);
}

}  // namespace squall::expr::jinja
