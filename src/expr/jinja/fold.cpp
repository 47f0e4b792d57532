#include "expr/jinja/fold.hpp"

#include <optional>

#include "expr/jinja/ast_walk.hpp"
#include "expr/jinja/evaluator.hpp"
#include "expr/jinja/filters.hpp"

namespace squall::expr::jinja {

namespace {

// Names and calls are not constant for Jinja either; filters are, unless they bring something along.
bool is_constant(const Expr& expr) {
  if (expr.kind == ExprKind::kName || expr.kind == ExprKind::kNamespaceRef || expr.kind == ExprKind::kCall)
    return false;
  if (expr.kind == ExprKind::kFilter) {
    const auto& filter = static_cast<const FilterExpr&>(expr);
    const bool pure = filter.input != nullptr && filter.filter != nullptr && !filter.filter->host &&
                      filter.name != "random" && filter.name != "attr" && filter.name != "map";
    if (!pure) return false;
  }
  bool constant = true;
  for_each_part(expr, [&](const Expr& part) { constant = constant && is_constant(part); });
  return constant;
}

std::optional<std::string> constant_text(const Expr& expr, Environment environment) {
  if (!is_constant(expr)) return std::nullopt;
  static const Scope kNoNames;
  static const Body kNoTemplate;
  Runtime rt(kNoNames, {}, environment);
  Evaluator evaluator(rt, kNoTemplate);
  const Result<Value> value = evaluator.evaluate_constant(expr);
  // Objects show where they are, which is nothing to be kept.
  if (!value || value->kind() == Kind::kObject || value->kind() == Kind::kUndefined) return std::nullopt;
  Result<std::string> text = rt.str(*value);
  if (!text || text->size() > kFoldedBytesMax) return std::nullopt;
  return *std::move(text);
}

void fold_inside(Stmt& stmt, Environment environment) {
  switch (stmt.kind) {
    case StmtKind::kFor:
      fold_constants(static_cast<ForStmt&>(stmt).body, environment);
      fold_constants(static_cast<ForStmt&>(stmt).otherwise, environment);
      break;
    case StmtKind::kIf:
      for (auto& [test, body] : static_cast<IfStmt&>(stmt).branches) fold_constants(body, environment);
      fold_constants(static_cast<IfStmt&>(stmt).otherwise, environment);
      break;
    case StmtKind::kWith: fold_constants(static_cast<WithStmt&>(stmt).body, environment); break;
    case StmtKind::kSetBlock: fold_constants(static_cast<SetBlockStmt&>(stmt).body, environment); break;
    case StmtKind::kFilterBlock: fold_constants(static_cast<FilterBlockStmt&>(stmt).body, environment); break;
    default: break;  // autoescape changes what an output is; macros and blocks may be inside one
  }
}

}  // namespace

void fold_constants(Body& body, Environment environment) {
  for (StmtPtr& stmt : body) {
    if (stmt->kind != StmtKind::kOutput) {
      fold_inside(*stmt, environment);
    } else if (auto text = constant_text(*static_cast<const OutputStmt&>(*stmt).value, environment)) {
      stmt = std::make_unique<TextStmt>(stmt->place, *std::move(text));
    }
  }
  Body joined;
  for (StmtPtr& stmt : body) {
    const bool follows_text =
        stmt->kind == StmtKind::kText && !joined.empty() && joined.back()->kind == StmtKind::kText;
    if (follows_text) {
      static_cast<TextStmt&>(*joined.back()).text += static_cast<const TextStmt&>(*stmt).text;
    } else {
      joined.push_back(std::move(stmt));
    }
  }
  body = std::move(joined);
}

const std::string* only_text(const Body& body) {
  static const std::string kEmpty;
  if (body.empty()) return &kEmpty;
  if (body.size() != 1 || body[0]->kind != StmtKind::kText) return nullptr;
  return &static_cast<const TextStmt&>(*body[0]).text;
}

}  // namespace squall::expr::jinja
