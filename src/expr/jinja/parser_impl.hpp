// The parser's class: expressions in parser_expressions.cpp, statements in parser.cpp.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "expr/jinja/ast.hpp"
#include "expr/jinja/environment.hpp"
#include "expr/jinja/lexer.hpp"

namespace squall::expr::jinja {

class Parser {
 public:
  Parser(Tokens tokens, Environment environment)
      : tokens_(std::move(tokens.tokens)), mistake_(std::move(tokens.mistake)), environment_(environment) {}
  Result<Body> parse_template();
  Result<ExprPtr> parse_alone(bool whole);

 private:
  using Names = std::vector<std::string_view>;

  // --- Tokens
  const Token& current() const { return tokens_[at_]; }
  const Token& look() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  bool is(TokenKind kind) const { return current().is(kind); }
  bool is_name(std::string_view name) const { return current().is_name(name); }
  // The current token; moves on.
  const Token& next();
  bool skip_if(TokenKind kind);
  bool skip_if_name(std::string_view name);
  Result<const Token*> expect(TokenKind kind);
  Result<const Token*> expect_name(std::string_view name);
  tl::unexpected<Error> fail_here(std::string message) const;
  tl::unexpected<Error> fail_at(std::string message, Place place) const;
  // Nesting is limited: the parser and all that walk the tree recurse.
  Status enter();
  Status check_levels(const Expr& expr) const;

  // --- Statements
  Result<Body> subparse(const Names* end_names);
  Status parse_statement(Body& out);
  Result<Body> parse_statements(const Names& end_names, bool drop_needle);
  tl::unexpected<Error> fail_unknown_tag(std::optional<std::string> name, const Names* extra, Place place) const;
  Result<StmtPtr> parse_set();
  Result<StmtPtr> parse_for();
  Result<StmtPtr> parse_if();
  Result<StmtPtr> parse_with();
  Result<StmtPtr> parse_autoescape();
  Result<StmtPtr> parse_block();
  Result<StmtPtr> parse_load();
  Result<StmtPtr> parse_macro();
  Result<StmtPtr> parse_call_block();
  Result<StmtPtr> parse_filter_block();
  Status parse_print(Body& out);
  Status parse_signature(MacroSignature& signature);
  Status parse_import_names(LoadStmt& load);

  // --- Expressions
  struct TupleMode {
    bool simplified = false;     // names and literals only
    bool with_condition = true;  // a if b else c
    bool parenthesized = false;
    bool with_namespace = false;  // ns.attr
  };
  Result<ExprPtr> parse_tuple(TupleMode mode);
  Result<ExprPtr> parse_tuple() { return parse_tuple(TupleMode()); }
  Result<ExprPtr> parse_assign_target(bool with_namespace = false);
  Result<std::string> parse_assign_name();
  Result<ExprPtr> parse_expression(bool with_condition = true);
  Result<ExprPtr> parse_condition();
  Result<ExprPtr> parse_or();
  Result<ExprPtr> parse_and();
  Result<ExprPtr> parse_not();
  Result<ExprPtr> parse_compare();
  Result<ExprPtr> parse_sum();
  Result<ExprPtr> parse_concat();
  Result<ExprPtr> parse_product();
  Result<ExprPtr> parse_power();
  Result<ExprPtr> parse_unary(bool with_filter = true);
  Result<ExprPtr> parse_primary(bool with_namespace = false);
  Result<ExprPtr> parse_name(bool with_namespace);
  Result<ExprPtr> parse_list();
  Result<ExprPtr> parse_dict();
  Result<ExprPtr> parse_postfix(ExprPtr expr);
  Result<ExprPtr> parse_filters_and_tests(ExprPtr expr);
  Result<ExprPtr> parse_subscript(ExprPtr expr);
  Result<ExprPtr> parse_subscribed();
  Result<ExprPtr> parse_call(ExprPtr callee);
  Result<CallSyntax> parse_call_arguments();
  Result<ExprPtr> parse_filter(ExprPtr input, bool start_inline = false);
  Result<ExprPtr> parse_test(ExprPtr input);
  Result<std::string> parse_dotted_name();

  std::vector<Token> tokens_;
  std::optional<Error> mistake_;
  Environment environment_;
  size_t at_ = 0;
  size_t depth_ = 0;
  std::vector<std::string> tags_;  // open tags, outermost first
  std::vector<Names> end_names_;   // what each of them waits for
};

// Lowers the parser's depth at the end of a scope.
class DepthGuard {
 public:
  explicit DepthGuard(size_t& depth) : depth_(depth) {}
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;
  ~DepthGuard() { --depth_; }

 private:
  size_t& depth_;
};

}  // namespace squall::expr::jinja
