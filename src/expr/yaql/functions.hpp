// Functions of YAQL: their parameters, and the tables of the standard library.
//
// A function is declared by a line such as
//   "select collection:iterable selector:lambda"
// with name[:type][?][=default] for each parameter; `?` takes null; `*name` the rest, `**` all named arguments. Names
// in snake_case are camelCase to expressions. A default is null, true, false, a number, or "none" for "not given".
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "expr/yaql/objects.hpp"
#include "value/value.hpp"

namespace squall::expr::yaql {

struct Call;
class Context;
using ContextPtr = std::shared_ptr<Context>;

// Types of parameters; each stands for a class of Python or a "smart type" of yaql.
enum class Type : uint8_t {
  kAny,
  kNull,
  kInt,      // int and bool
  kInteger,  // int only
  kNumber,   // int and float, no bool
  kBool,
  kString,
  kIterable,  // no text, no dict
  kIterableNoSet,
  kIterator,
  kSequence,  // tuple, list, bytes
  kMapping,
  kSet,
  kDateTime,     // a naive one becomes UTC
  kDateTimeRaw,  // as it is
  kTimeSpan,
  kRegex,
  kOrdering,
  kContext,
  kRuleValue,  // an evaluated `a => b`
  // From here on the argument stays an expression, or must be one of a certain look.
  kKeyword,
  kStringConstant,
  kLambda,
  kRule,  // `a => b`, both sides unevaluated
};
inline bool is_lazy(Type type) { return type == Type::kLambda || type == Type::kRule; }

struct Parameter {
  std::string name;  // in camelCase
  Type type = Type::kAny;
  bool nullable = false;
  bool has_default = false;
  bool default_is_nothing = false;  // "none": left out is told apart from null
  Value fallback = {};
};

using Payload = Result<Value> (*)(Call& call);

struct Function {
  std::string name;
  std::vector<Parameter> parameters;
  std::optional<Parameter> rest;      // *args
  std::optional<Parameter> keywords;  // **kwargs
  bool no_keywords = false;           // `a => b` is an argument like any other
  Payload run = nullptr;
  // Instead of `run`: functions that a host or def() made.
  std::function<Result<Value>(Call& call)> dynamic = {};
};

// How an expression may call a function: f(x), x.f(), or both.
enum class Use : uint8_t { kFunction, kMethod, kBoth };

struct Definition {
  std::string_view line;
  Payload run;
  Use use = Use::kFunction;
  bool no_keywords = false;
};

// All functions of one name on one level.
struct Overloads {
  std::vector<const Function*> all;
};

Function declare(std::string_view line);

// Functions that a workflow language adds; they hide standard functions of the same name.
class FunctionTable {
 public:
  explicit FunctionTable(std::span<const Definition> definitions);
  const Function* find(std::string_view name) const;

 private:
  std::vector<Function> functions_;  // sorted by name
};

// The standard library by name; null when there is none. A trailing "_" of the name does not count.
const Overloads* find_functions(std::string_view name);
const Overloads* find_methods(std::string_view name);

// The modules.
std::span<const Definition> system_functions();
std::span<const Definition> operator_functions();
std::span<const Definition> math_functions();
std::span<const Definition> string_functions();
std::span<const Definition> dict_functions();
std::span<const Definition> list_functions();
std::span<const Definition> set_functions();
std::span<const Definition> query_functions();
std::span<const Definition> aggregate_functions();
std::span<const Definition> generator_functions();
std::span<const Definition> regex_functions();
std::span<const Definition> date_functions();
std::span<const Definition> date_properties();

// An argument of a call: an expression still to be evaluated, a value, or nothing.
struct Arg {
  const Node* node = nullptr;
  Value value = {};
  bool nothing = false;

  static Arg of(const Node* expression) { return {expression, {}, expression == nullptr}; }
  static Arg of(Value evaluated) { return {nullptr, std::move(evaluated), false}; }
};

// An expression that a function evaluates when it likes, in the context where it was written.
struct Lambda {
  const Node* node = nullptr;
  Value value;  // without a node: what the "lambda" is
  ContextPtr context;
};

// A call that is under way, for the payload.
struct Call {
  Call(Runtime& runtime, const Function& called, const ContextPtr& caller)
      : rt(runtime), function(called), parent(caller) {}

  Runtime& rt;
  const Function& function;
  const ContextPtr& parent;
  std::vector<Arg> args;  // one for each parameter
  std::vector<Arg> rest;
  std::vector<std::pair<std::string, Arg>> keywords;
  const Value* receiver = nullptr;

  const Value& operator[](size_t index) const { return args[index].value; }
  // False for a parameter that was left out and has no default but "none".
  bool has(size_t index) const { return !args[index].nothing; }
  // The context of the call, a child of the caller's.
  const ContextPtr& context();
  // Null for a lambda that was not given.
  std::shared_ptr<const Lambda> lambda(size_t index) { return lambda_of(args[index]); }
  std::shared_ptr<const Lambda> lambda_of(const Arg& arg);
  std::string_view text(size_t index) const { return args[index].value.as_string(); }
  bool truth(size_t index) const { return args[index].value.truthy(); }
  // An integer parameter; OverflowError when it does not fit.
  Result<int64_t> integer(size_t index) const;
  // The same where a number out of range counts as the nearest one: Python compares with it, or slices.
  int64_t clamped(size_t index) const;

 private:
  ContextPtr own_;
};

}  // namespace squall::expr::yaql
