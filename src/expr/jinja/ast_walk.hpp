// Visiting the parts of a tree.
#pragma once

#include "expr/jinja/ast.hpp"

namespace squall::expr::jinja {

template <typename F>
void for_each_argument(const CallSyntax& call, F visit) {
  for (const ExprPtr& value : call.positional) visit(*value);
  for (const auto& [name, value] : call.keyword) visit(*value);
  if (call.more_positional) visit(*call.more_positional);
  if (call.more_keyword) visit(*call.more_keyword);
}

// Calls visit(const Expr&) for each direct part of an expression, in the order of the text.
template <typename F>
void for_each_part(const Expr& expr, F visit) {
  const auto visit_if = [&](const ExprPtr& part) {
    if (part) visit(*part);
  };
  switch (expr.kind) {
    case ExprKind::kConst:
    case ExprKind::kName:
    case ExprKind::kNamespaceRef: break;
    case ExprKind::kTuple:
    case ExprKind::kList:
    case ExprKind::kConcat:
      for (const ExprPtr& item : static_cast<const SequenceExpr&>(expr).items) visit(*item);
      break;
    case ExprKind::kDict:
      for (const auto& [key, value] : static_cast<const DictExpr&>(expr).items) {
        visit(*key);
        visit(*value);
      }
      break;
    case ExprKind::kGetattr: visit(*static_cast<const GetattrExpr&>(expr).object); break;
    case ExprKind::kGetitem:
      visit(*static_cast<const GetitemExpr&>(expr).object);
      visit(*static_cast<const GetitemExpr&>(expr).key);
      break;
    case ExprKind::kSlice: {
      const auto& slice = static_cast<const SliceExpr&>(expr);
      visit_if(slice.start);
      visit_if(slice.stop);
      visit_if(slice.step);
      break;
    }
    case ExprKind::kCall:
      visit(*static_cast<const CallExpr&>(expr).callee);
      for_each_argument(static_cast<const CallExpr&>(expr).arguments, visit);
      break;
    case ExprKind::kFilter:
      visit_if(static_cast<const FilterExpr&>(expr).input);
      for_each_argument(static_cast<const FilterExpr&>(expr).arguments, visit);
      break;
    case ExprKind::kTest:
      visit(*static_cast<const TestExpr&>(expr).input);
      for_each_argument(static_cast<const TestExpr&>(expr).arguments, visit);
      break;
    case ExprKind::kNot:
    case ExprKind::kNegate:
    case ExprKind::kPositive: visit(*static_cast<const UnaryExpr&>(expr).operand); break;
    case ExprKind::kBinary:
    case ExprKind::kAnd:
    case ExprKind::kOr:
      visit(*static_cast<const BinaryExpr&>(expr).left);
      visit(*static_cast<const BinaryExpr&>(expr).right);
      break;
    case ExprKind::kCompare:
      visit(*static_cast<const CompareExpr&>(expr).first);
      for (const auto& [op, operand] : static_cast<const CompareExpr&>(expr).rest) visit(*operand);
      break;
    case ExprKind::kCondition: {
      const auto& condition = static_cast<const ConditionExpr&>(expr);
      visit(*condition.test);
      visit(*condition.then);
      visit_if(condition.otherwise);
      break;
    }
  }
}

// Calls on_expr(const Expr&, bool is_target) and on_body(const Body&) for the direct parts of a statement.
template <typename OnExpr, typename OnBody>
void for_each_part(const Stmt& stmt, OnExpr on_expr, OnBody on_body) {
  const auto expr_if = [&](const ExprPtr& part) {
    if (part) on_expr(*part, false);
  };
  switch (stmt.kind) {
    case StmtKind::kText: break;
    case StmtKind::kOutput: on_expr(*static_cast<const OutputStmt&>(stmt).value, false); break;
    case StmtKind::kFor: {
      const auto& loop = static_cast<const ForStmt&>(stmt);
      on_expr(*loop.iterable, false);
      on_expr(*loop.target, true);
      expr_if(loop.test);
      on_body(loop.body);
      on_body(loop.otherwise);
      break;
    }
    case StmtKind::kIf:
      for (const auto& [test, body] : static_cast<const IfStmt&>(stmt).branches) {
        on_expr(*test, false);
        on_body(body);
      }
      on_body(static_cast<const IfStmt&>(stmt).otherwise);
      break;
    case StmtKind::kWith:
      for (const auto& [target, value] : static_cast<const WithStmt&>(stmt).bindings) {
        on_expr(*value, false);
        on_expr(*target, true);
      }
      on_body(static_cast<const WithStmt&>(stmt).body);
      break;
    case StmtKind::kSet:
      on_expr(*static_cast<const SetStmt&>(stmt).value, false);
      on_expr(*static_cast<const SetStmt&>(stmt).target, true);
      break;
    case StmtKind::kSetBlock:
      on_expr(*static_cast<const SetBlockStmt&>(stmt).target, true);
      expr_if(static_cast<const SetBlockStmt&>(stmt).filter);
      on_body(static_cast<const SetBlockStmt&>(stmt).body);
      break;
    case StmtKind::kMacro:
      for (const ExprPtr& fallback : static_cast<const MacroStmt&>(stmt).signature.defaults) on_expr(*fallback, false);
      on_body(static_cast<const MacroStmt&>(stmt).body);
      break;
    case StmtKind::kCallBlock:
      on_expr(*static_cast<const CallBlockStmt&>(stmt).call, false);
      for_each_part(*static_cast<const CallBlockStmt&>(stmt).caller, on_expr, on_body);
      break;
    case StmtKind::kFilterBlock:
      on_expr(*static_cast<const FilterBlockStmt&>(stmt).filter, false);
      on_body(static_cast<const FilterBlockStmt&>(stmt).body);
      break;
    case StmtKind::kBlock: on_body(static_cast<const BlockStmt&>(stmt).body); break;
    case StmtKind::kAutoescape:
      on_expr(*static_cast<const AutoescapeStmt&>(stmt).enabled, false);
      on_body(static_cast<const AutoescapeStmt&>(stmt).body);
      break;
    case StmtKind::kLoad: on_expr(*static_cast<const LoadStmt&>(stmt).source, false); break;
  }
}

// Calls visit(const std::string& name, Place place) for every name that an assignment target binds.
template <typename F>
void for_each_target_name(const Expr& target, F visit) {
  if (target.kind == ExprKind::kName) {
    visit(static_cast<const NameExpr&>(target).name, target.place);
  } else if (target.kind == ExprKind::kTuple) {
    for (const ExprPtr& item : static_cast<const SequenceExpr&>(target).items) for_each_target_name(*item, visit);
  }
}

// Does an expression, or anything in a body, read this name?
inline bool loads_name(const Expr& expr, std::string_view name) {
  if (expr.kind == ExprKind::kName) return static_cast<const NameExpr&>(expr).name == name;
  bool found = false;
  for_each_part(expr, [&](const Expr& part) { found = found || loads_name(part, name); });
  return found;
}
inline bool loads_name(const Body& body, std::string_view name) {
  bool found = false;
  for (const StmtPtr& stmt : body) {
    for_each_part(
        *stmt, [&](const Expr& part, bool is_target) { found = found || (!is_target && loads_name(part, name)); },
        [&](const Body& inner) { found = found || loads_name(inner, name); });
  }
  return found;
}

}  // namespace squall::expr::jinja
