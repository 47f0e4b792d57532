// The tree of a YAQL expression.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "value/value.hpp"

namespace squall::expr::yaql {

struct Overloads;

// Nearly everything in YAQL is a call of a named function: `a + b` calls "#operator_+", `a[0]` calls "#indexer".
enum class NodeKind : uint8_t {
  kConstant,  // 1, 'text', true
  kKeyword,   // a bare word: a constant, too, that may name a member or an argument
  kWrap,      // (...)
  kMapping,   // name => value
  kCall,      // f(...): the only one that is a method call after a dot
  kBinary,
  kUnary,
  kIndex,     // a[...]
  kList,      // [...]
  kMap,       // {...}
  kVariable,  // $, $name
};

struct Node {
  NodeKind kind = NodeKind::kConstant;
  std::string name = {};  // of the function; of a variable without its '$', "1" for a lone '$'
  Value value = {};       // kConstant, kKeyword
  size_t position = 0;    // of the operator, the name or the bracket, in code points
  // A null pointer is an argument left out: f(, 1).
  std::vector<std::unique_ptr<const Node>> args = {};
  bool plain_args = true;  // no argument is left out or named
  // Standard functions and methods of that name; null when there are none.
  const Overloads* functions = nullptr;
  const Overloads* methods = nullptr;

  bool is_constant() const { return kind == NodeKind::kConstant || kind == NodeKind::kKeyword; }
};
using NodePtr = std::unique_ptr<const Node>;

struct Program {
  std::string text;
  NodePtr root;
};

}  // namespace squall::expr::yaql
