// YAQL 3.2: the query language of Orquesta's and Mistral's workflows, without its delimiters.
//
// Pure, sandboxed, limited: no host objects, no clock but the one a scope brings along, and every evaluation ends
// within the limits below. Semantics are those of the Python package yaql 3.2.0 (tests/conformance/yaql_raw.json and
// yaql_orquesta.json hold what it answered); what the limits change is listed in docs/explanation/differences.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "expr/host_function.hpp"
#include "value/value.hpp"

namespace squall::expr {

namespace yaql {

// Every limit of YAQL in one place. Reaching one is an error of code kLimit that names it.
inline constexpr uint64_t kStepsMax = 250'000;           // function calls and elements of sequences, in one evaluation
inline constexpr size_t kTextBytesMax = 16u << 20;       // text made by one evaluation
inline constexpr size_t kElementsMax = 1'000'000;        // elements of the sequences that one evaluation builds
inline constexpr size_t kDepthMax = 300;                 // calls inside calls while evaluating
inline constexpr size_t kNestingMax = 500;               // brackets and operators inside each other in one expression
inline constexpr size_t kExpressionBytesMax = 1u << 20;  // text of one expression
inline constexpr size_t kShiftMax = 1u << 17;            // bits of shiftBitsLeft
inline constexpr size_t kCacheMax = 1024;                // expressions that compile_cached() keeps

class FunctionTable;
struct Program;

}  // namespace yaql

// What an expression sees.
struct YaqlScope {
  Value data;                                             // `$`; containers count as frozen
  Value variables;                                        // a dict: `$name` for each member
  std::vector<std::shared_ptr<const HostFunction>> host;  // by name; they hide standard functions of the same name
  const yaql::FunctionTable* functions = nullptr;         // of a workflow language; must outlive the evaluation
  const Clock* clock = nullptr;                           // for now(); the system's clock when there is none
  Random* random = nullptr;                               // for random(); a generator of its own when there is none
};

// A compiled expression. Immutable, copyable, thread-safe.
//
// Errors have yaql's or Python's exception class as type(): "YaqlLexicalException", "YaqlGrammarException" (both with a
// line and a column of the text), "NoMatchingFunctionException", "KeyError", ... A KeyError's message is the repr of
// the key, as str() of Python's exception.
class YaqlExpression {
 public:
  static Result<YaqlExpression> compile(std::string_view text);
  // As compile(), through a cache of the most recently used expressions. Thread-safe.
  static Result<YaqlExpression> compile_cached(std::string_view text);

  // The result as plain data: tuples and iterators have become lists, sets are Kind::kSet. A dict's keys that are not
  // text have become their str(). Values that are no data (a regular expression) are Kind::kObject.
  // `shown`, when given, becomes Python's str() of the result as lists, dicts and sets.
  Result<Value> evaluate(const YaqlScope& scope, std::string* shown = nullptr) const;

  const std::string& text() const;

 private:
  explicit YaqlExpression(std::shared_ptr<const yaql::Program> program) : program_(std::move(program)) {}
  std::shared_ptr<const yaql::Program> program_;  // shared, because copies of an expression are many
};

}  // namespace squall::expr
