// The tree of a template. Built by the parser, checked and then never changed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "expr/jinja/filters.hpp"
#include "expr/jinja/lexer.hpp"
#include "expr/jinja/runtime.hpp"
#include "expr/jinja/tests.hpp"
#include "value/value.hpp"

namespace squall::expr::jinja {

// --- Expressions --------------------------------------------------------------------------------------------------

enum class ExprKind : uint8_t {
  kConst,
  kName,
  kNamespaceRef,  // ns.attr as the target of set
  kTuple,
  kList,
  kDict,
  kGetattr,
  kGetitem,
  kSlice,
  kCall,
  kFilter,
  kTest,
  kNot,
  kNegate,
  kPositive,
  kBinary,
  kConcat,
  kCompare,
  kAnd,
  kOr,
  kCondition,
};

// Levels of an expression's tree: everything that walks it recurses.
inline constexpr int kExpressionLevelsMax = 500;

struct Expr {
  Expr(ExprKind k, Place p) : kind(k), place(p) {}
  virtual ~Expr() = default;
  // To be told of every part.
  void holds(const std::unique_ptr<Expr>& part) {
    if (part != nullptr && part->levels >= levels) levels = part->levels + 1;
  }
  const ExprKind kind;
  Place place;
  int levels = 1;
};
using ExprPtr = std::unique_ptr<Expr>;
using ExprList = std::vector<ExprPtr>;

struct ConstExpr final : Expr {
  ConstExpr(Place p, Value v) : Expr(ExprKind::kConst, p), value(std::move(v)) {}
  Value value;
};

struct NameExpr final : Expr {
  NameExpr(Place p, std::string n) : Expr(ExprKind::kName, p), name(std::move(n)) {}
  std::string name;
};

struct NamespaceRefExpr final : Expr {
  NamespaceRefExpr(Place p, std::string n, std::string a)
      : Expr(ExprKind::kNamespaceRef, p), name(std::move(n)), attribute(std::move(a)) {}
  std::string name;
  std::string attribute;
};

// kTuple, kList, kConcat.
struct SequenceExpr final : Expr {
  SequenceExpr(ExprKind k, Place p, ExprList i) : Expr(k, p), items(std::move(i)) {
    for (const ExprPtr& item : items) holds(item);
  }
  ExprList items;
};

struct DictExpr final : Expr {
  explicit DictExpr(Place p) : Expr(ExprKind::kDict, p) {}
  std::vector<std::pair<ExprPtr, ExprPtr>> items;
};

struct GetattrExpr final : Expr {
  GetattrExpr(Place p, ExprPtr o, std::string n)
      : Expr(ExprKind::kGetattr, p), object(std::move(o)), name(std::move(n)) {
    holds(object);
  }
  ExprPtr object;
  std::string name;
};

struct GetitemExpr final : Expr {
  GetitemExpr(Place p, ExprPtr o, ExprPtr k) : Expr(ExprKind::kGetitem, p), object(std::move(o)), key(std::move(k)) {
    holds(object);
    holds(key);
  }
  ExprPtr object;
  ExprPtr key;  // may be a SliceExpr
};

// Null parts were left out.
struct SliceExpr final : Expr {
  explicit SliceExpr(Place p) : Expr(ExprKind::kSlice, p) {}
  ExprPtr start, stop, step;
};

// What stands between the parentheses of a call.
struct CallSyntax {
  ExprList positional;
  std::vector<std::pair<std::string, ExprPtr>> keyword;
  ExprPtr more_positional;  // *list
  ExprPtr more_keyword;     // **dict

  bool empty() const { return positional.empty() && keyword.empty() && !more_positional && !more_keyword; }
  void tell(Expr& owner) const {
    for (const ExprPtr& value : positional) owner.holds(value);
    for (const auto& [name, value] : keyword) owner.holds(value);
    owner.holds(more_positional);
    owner.holds(more_keyword);
  }
};

struct CallExpr final : Expr {
  CallExpr(Place p, ExprPtr c, CallSyntax a) : Expr(ExprKind::kCall, p), callee(std::move(c)), arguments(std::move(a)) {
    holds(callee);
    arguments.tell(*this);
  }
  ExprPtr callee;
  CallSyntax arguments;
};

struct FilterExpr final : Expr {
  FilterExpr(Place p, ExprPtr i, std::string n, CallSyntax a)
      : Expr(ExprKind::kFilter, p), input(std::move(i)), name(std::move(n)), arguments(std::move(a)) {
    holds(input);
    arguments.tell(*this);
  }
  ExprPtr input;  // null in a filter block: the text of the block
  std::string name;
  CallSyntax arguments;
  const Filter* filter = nullptr;  // null: unknown, an error when it runs
};

struct TestExpr final : Expr {
  TestExpr(Place p, ExprPtr i, std::string n, CallSyntax a)
      : Expr(ExprKind::kTest, p), input(std::move(i)), name(std::move(n)), arguments(std::move(a)) {
    holds(input);
    arguments.tell(*this);
  }
  ExprPtr input;
  std::string name;
  CallSyntax arguments;
  const Test* test = nullptr;
};

// kNot, kNegate, kPositive.
struct UnaryExpr final : Expr {
  UnaryExpr(ExprKind k, Place p, ExprPtr o) : Expr(k, p), operand(std::move(o)) { holds(operand); }
  ExprPtr operand;
};

// kBinary, kAnd, kOr.
struct BinaryExpr final : Expr {
  BinaryExpr(ExprKind k, Place p, py::BinaryOp o, ExprPtr a, ExprPtr b)
      : Expr(k, p), op(o), left(std::move(a)), right(std::move(b)) {
    holds(left);
    holds(right);
  }
  py::BinaryOp op;
  ExprPtr left, right;
};

struct CompareExpr final : Expr {
  CompareExpr(Place p, ExprPtr f) : Expr(ExprKind::kCompare, p), first(std::move(f)) { holds(first); }
  ExprPtr first;
  std::vector<std::pair<CompareOp, ExprPtr>> rest;
};

struct ConditionExpr final : Expr {
  ConditionExpr(Place p, ExprPtr t, ExprPtr y, ExprPtr n)
      : Expr(ExprKind::kCondition, p), test(std::move(t)), then(std::move(y)), otherwise(std::move(n)) {
    holds(test);
    holds(then);
    holds(otherwise);
  }
  ExprPtr test, then;
  ExprPtr otherwise;  // may be null
};

// --- Statements ---------------------------------------------------------------------------------------------------

enum class StmtKind : uint8_t {
  kText,
  kOutput,
  kFor,
  kIf,
  kWith,
  kSet,
  kSetBlock,
  kMacro,
  kCallBlock,
  kFilterBlock,
  kBlock,
  kAutoescape,
  kLoad,  // include, import, from, extends: there is nothing to load from
};

struct Stmt {
  Stmt(StmtKind k, Place p) : kind(k), place(p) {}
  virtual ~Stmt() = default;
  const StmtKind kind;
  Place place;
};
using StmtPtr = std::unique_ptr<Stmt>;
using Body = std::vector<StmtPtr>;

struct TextStmt final : Stmt {
  TextStmt(Place p, std::string t) : Stmt(StmtKind::kText, p), text(std::move(t)) {}
  std::string text;
};

struct OutputStmt final : Stmt {
  OutputStmt(Place p, ExprPtr e) : Stmt(StmtKind::kOutput, p), value(std::move(e)) {}
  ExprPtr value;
};

struct ForStmt final : Stmt {
  explicit ForStmt(Place p) : Stmt(StmtKind::kFor, p) {}
  ExprPtr target, iterable;
  ExprPtr test;  // may be null
  Body body, otherwise;
  bool recursive = false;
};

struct IfStmt final : Stmt {
  explicit IfStmt(Place p) : Stmt(StmtKind::kIf, p) {}
  std::vector<std::pair<ExprPtr, Body>> branches;
  Body otherwise;
};

struct WithStmt final : Stmt {
  explicit WithStmt(Place p) : Stmt(StmtKind::kWith, p) {}
  std::vector<std::pair<ExprPtr, ExprPtr>> bindings;  // target, value
  Body body;
};

struct SetStmt final : Stmt {
  SetStmt(Place p, ExprPtr t, ExprPtr v) : Stmt(StmtKind::kSet, p), target(std::move(t)), value(std::move(v)) {}
  ExprPtr target, value;
};

struct SetBlockStmt final : Stmt {
  SetBlockStmt(Place p, ExprPtr t) : Stmt(StmtKind::kSetBlock, p), target(std::move(t)) {}
  ExprPtr target;
  ExprPtr filter;  // a chain of FilterExpr whose innermost input is null; may be null
  Body body;
};

struct MacroSignature {
  std::vector<std::string> names;
  std::vector<ExprPtr> defaults;  // of the last names
};

// A macro, or the body of a call block.
struct MacroStmt final : Stmt {
  MacroStmt(Place p, std::string n) : Stmt(StmtKind::kMacro, p), name(std::move(n)) {}
  std::string name;
  MacroSignature signature;
  Body body;
  // Special names that the body uses without defining them.
  bool uses_caller = false, uses_kwargs = false, uses_varargs = false;
  bool is_caller = false;  // the body of a {% call %}, which has no name
};

struct CallBlockStmt final : Stmt {
  explicit CallBlockStmt(Place p) : Stmt(StmtKind::kCallBlock, p) {}
  ExprPtr call;  // a CallExpr
  std::unique_ptr<MacroStmt> caller;
};

struct FilterBlockStmt final : Stmt {
  explicit FilterBlockStmt(Place p) : Stmt(StmtKind::kFilterBlock, p) {}
  ExprPtr filter;  // as in SetBlockStmt
  Body body;
};

struct BlockStmt final : Stmt {
  BlockStmt(Place p, std::string n) : Stmt(StmtKind::kBlock, p), name(std::move(n)) {}
  std::string name;
  Body body;
};

struct AutoescapeStmt final : Stmt {
  explicit AutoescapeStmt(Place p) : Stmt(StmtKind::kAutoescape, p) {}
  ExprPtr enabled;
  Body body;
};

struct LoadStmt final : Stmt {
  explicit LoadStmt(Place p) : Stmt(StmtKind::kLoad, p) {}
  ExprPtr source;
  std::vector<std::string> names;  // that import and from define
  bool is_extends = false;
};

}  // namespace squall::expr::jinja
