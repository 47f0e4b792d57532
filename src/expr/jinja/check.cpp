#include <functional>
#include <set>

#include "expr/jinja/analysis.hpp"
#include "expr/jinja/ast_walk.hpp"
#include "expr/jinja/lexer.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

namespace {

class Checker {
 public:
  static Status check_alone(const Expr& expr) { return check_expr(expr, false); }
  // `top`: not inside anything but ifs.
  Status check_body(const Body& body, bool soft, bool top) {
    for (const StmtPtr& stmt : body) SQ_CHECK(check_stmt(*stmt, soft, top));
    return {};
  }

 private:
  static tl::unexpected<Error> assertion(std::string message, Place place) {
    return fail(syntax_error(std::move(message), place).with_type("TemplateAssertionError"));
  }

  // `soft`: directly inside an if, where unknown filters and tests are forgiven until they run.
  Status check_stmt(const Stmt& stmt, bool soft, bool top) {
    if (stmt.kind == StmtKind::kLoad && static_cast<const LoadStmt&>(stmt).is_extends && !top) {
      return assertion("cannot use extend from a non top-level scope", stmt.place);
    }
    // What a template that extends another one puts out is never compiled.
    if (stmt.kind == StmtKind::kLoad && static_cast<const LoadStmt&>(stmt).is_extends && !soft) extends_ = true;
    if (stmt.kind == StmtKind::kOutput && top && extends_) return {};
    if (stmt.kind == StmtKind::kFor) SQ_CHECK(check_loop(static_cast<const ForStmt&>(stmt)));
    if (stmt.kind == StmtKind::kMacro) SQ_CHECK(check_macro(static_cast<const MacroStmt&>(stmt)));
    if (stmt.kind == StmtKind::kCallBlock) SQ_CHECK(check_macro(*static_cast<const CallBlockStmt&>(stmt).caller));
    if (stmt.kind == StmtKind::kBlock && !blocks_.insert(static_cast<const BlockStmt&>(stmt).name).second) {
      return assertion("block " + python::repr(Value(static_cast<const BlockStmt&>(stmt).name)) + " defined twice",
                       stmt.place);
    }
    const bool inner_soft = stmt.kind == StmtKind::kIf;
    Status status;
    for_each_part(
        stmt,
        [&](const Expr& part, bool) {
          // The condition of a loop becomes a function of its own, in which nothing is forgiven; the same holds for
          // what belongs to the frame of a block.
          const bool hard = (stmt.kind == StmtKind::kFor && &part == static_cast<const ForStmt&>(stmt).test.get()) ||
                            stmt.kind == StmtKind::kSetBlock || stmt.kind == StmtKind::kFilterBlock ||
                            stmt.kind == StmtKind::kMacro || stmt.kind == StmtKind::kAutoescape;
          if (status) status = check_expr(part, !hard && (soft || inner_soft));
        },
        [&](const Body& body) {
          if (status) status = check_body(body, inner_soft, top && inner_soft);
        });
    return status;
  }

  static Status check_expr(const Expr& expr, bool soft) {
    if (expr.kind == ExprKind::kFilter) {
      const auto& filter = static_cast<const FilterExpr&>(expr);
      if (filter.filter == nullptr && !soft) {
        return assertion("No filter named " + python::repr(Value(filter.name)) + ".", expr.place);
      }
    }
    if (expr.kind == ExprKind::kTest) {
      const auto& test = static_cast<const TestExpr&>(expr);
      if (test.test == nullptr && !soft) {
        return assertion("No test named " + python::repr(Value(test.name)) + ".", expr.place);
      }
    }
    Status status;
    const bool inner_soft = soft || expr.kind == ExprKind::kCondition;
    for_each_part(expr, [&](const Expr& part) {
      if (status) status = check_expr(part, inner_soft);
    });
    return status;
  }

  // "loop" belongs to the loop: nothing inside may assign to it.
  static Status check_loop(const ForStmt& loop) {
    std::optional<Place> first;
    const auto find = [&](const std::string& name, Place at) {
      if (name == "loop" && !first) first = at;
    };
    for_each_target_name(*loop.target, find);
    const std::function<void(const Body&)> search = [&](const Body& body) {
      for (const StmtPtr& stmt : body) {
        for_each_part(
            *stmt,
            [&](const Expr& part, bool is_target) {
              if (is_target) for_each_target_name(part, find);
            },
            search);
      }
    };
    search(loop.body);
    search(loop.otherwise);
    if (!first) return {};
    return assertion("Can't assign to special loop variable in for-loop target", *first);
  }

  static Status check_macro(const MacroStmt& macro) {
    std::set<std::string_view> names;
    for (const std::string& name : macro.signature.names) {
      if (names.insert(name).second) continue;
      // Jinja hands this mistake to Python's compiler, which names a variable of the generated code.
      return fail(syntax_error("duplicate argument '" + name + "' in function definition", macro.place)
                      .with_type("SyntaxError"));
    }
    return {};
  }

  std::set<std::string> blocks_;
  bool extends_ = false;
};

}  // namespace

Status check(const Body& body) { return Checker().check_body(body, false, true); }
Status check(const Expr& expr) { return Checker::check_alone(expr); }

}  // namespace squall::expr::jinja
