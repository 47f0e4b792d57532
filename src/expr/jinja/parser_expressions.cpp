#include "base/limits.hpp"
#include "expr/jinja/parser_impl.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

const Token& Parser::next() {
  const Token& token = tokens_[at_];
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool Parser::skip_if(TokenKind kind) {
  if (!is(kind)) return false;
  next();
  return true;
}

bool Parser::skip_if_name(std::string_view name) {
  if (!is_name(name)) return false;
  next();
  return true;
}

tl::unexpected<Error> Parser::fail_at(std::string message, Place place) const {
  // The next token is read when the one before it is taken.
  if (is(TokenKind::kError)) return fail(*mistake_);
  return fail(syntax_error(std::move(message), place));
}
tl::unexpected<Error> Parser::fail_here(std::string message) const {
  return fail_at(std::move(message), current().place);
}

namespace {

std::string quoted(std::string_view text) { return python::repr(Value(text)); }

}  // namespace

Result<const Token*> Parser::expect(TokenKind kind) {
  if (is(kind)) return &next();
  if (is(TokenKind::kEof)) {
    return fail_here("unexpected end of template, expected " + quoted(describe(kind)) + ".");
  }
  return fail_here("expected token " + quoted(describe(kind)) + ", got " + quoted(describe(current())));
}

Result<const Token*> Parser::expect_name(std::string_view name) {
  if (is_name(name)) return &next();
  if (is(TokenKind::kEof)) return fail_here("unexpected end of template, expected " + quoted(name) + ".");
  return fail_here("expected token " + quoted(name) + ", got " + quoted(describe(current())));
}

Status Parser::enter() {
  if (++depth_ <= limits::kExpressionDepthMax) return {};
  --depth_;
  return fail_here("the template is nested deeper than " + std::to_string(limits::kExpressionDepthMax) +
                   " levels (kExpressionDepthMax)");
}

Status Parser::check_levels(const Expr& expr) const {
  if (expr.levels <= kExpressionLevelsMax) return {};
  return fail_here("the expression has more than " + std::to_string(kExpressionLevelsMax) +
                   " levels (kExpressionLevelsMax)");
}

Result<ExprPtr> Parser::parse_expression(bool with_condition) {
  SQ_CHECK(enter());
  const DepthGuard guard(depth_);
  return with_condition ? parse_condition() : parse_or();
}

Result<ExprPtr> Parser::parse_condition() {
  Place place = current().place;
  SQ_TRY(ExprPtr expr, parse_or());
  while (skip_if_name("if")) {
    SQ_TRY(ExprPtr test, parse_or());
    ExprPtr otherwise;
    if (skip_if_name("else")) {
      SQ_CHECK(enter());
      const DepthGuard guard(depth_);
      SQ_TRY(otherwise, parse_condition());
    }
    expr = std::make_unique<ConditionExpr>(place, std::move(test), std::move(expr), std::move(otherwise));
    SQ_CHECK(check_levels(*expr));
    place = current().place;
  }
  return expr;
}

Result<ExprPtr> Parser::parse_or() {
  Place place = current().place;
  SQ_TRY(ExprPtr left, parse_and());
  while (skip_if_name("or")) {
    SQ_TRY(ExprPtr right, parse_and());
    left = std::make_unique<BinaryExpr>(ExprKind::kOr, place, py::BinaryOp::kAdd, std::move(left), std::move(right));
    SQ_CHECK(check_levels(*left));
    place = current().place;
  }
  return left;
}

Result<ExprPtr> Parser::parse_and() {
  Place place = current().place;
  SQ_TRY(ExprPtr left, parse_not());
  while (skip_if_name("and")) {
    SQ_TRY(ExprPtr right, parse_not());
    left = std::make_unique<BinaryExpr>(ExprKind::kAnd, place, py::BinaryOp::kAdd, std::move(left), std::move(right));
    SQ_CHECK(check_levels(*left));
    place = current().place;
  }
  return left;
}

Result<ExprPtr> Parser::parse_not() {
  if (!is_name("not")) return parse_compare();
  const Place place = next().place;
  SQ_CHECK(enter());
  const DepthGuard guard(depth_);
  SQ_TRY(ExprPtr operand, parse_not());
  return std::make_unique<UnaryExpr>(ExprKind::kNot, place, std::move(operand));
}

namespace {

std::optional<CompareOp> compare_op(TokenKind kind) {
  switch (kind) {
    case TokenKind::kEq: return CompareOp::kEq;
    case TokenKind::kNe: return CompareOp::kNe;
    case TokenKind::kLt: return CompareOp::kLt;
    case TokenKind::kLtEq: return CompareOp::kLtEq;
    case TokenKind::kGt: return CompareOp::kGt;
    case TokenKind::kGtEq: return CompareOp::kGtEq;
    default: return std::nullopt;
  }
}

std::optional<py::BinaryOp> sum_op(TokenKind kind) {
  if (kind == TokenKind::kAdd) return py::BinaryOp::kAdd;
  if (kind == TokenKind::kSub) return py::BinaryOp::kSub;
  return std::nullopt;
}

std::optional<py::BinaryOp> product_op(TokenKind kind) {
  switch (kind) {
    case TokenKind::kMul: return py::BinaryOp::kMul;
    case TokenKind::kDiv: return py::BinaryOp::kDiv;
    case TokenKind::kFloorDiv: return py::BinaryOp::kFloorDiv;
    case TokenKind::kMod: return py::BinaryOp::kMod;
    default: return std::nullopt;
  }
}

}  // namespace

Result<ExprPtr> Parser::parse_compare() {
  const Place place = current().place;
  SQ_TRY(ExprPtr first, parse_sum());
  std::unique_ptr<CompareExpr> compare;
  while (true) {
    std::optional<CompareOp> op = compare_op(current().kind);
    if (is_name("in")) op = CompareOp::kIn;
    if (is_name("not") && look().is(TokenKind::kError)) return fail(*mistake_);
    if (is_name("not") && look().is_name("in")) {
      op = CompareOp::kNotIn;
      next();
    }
    if (!op) break;
    next();
    if (compare == nullptr) compare = std::make_unique<CompareExpr>(place, std::move(first));
    SQ_TRY(ExprPtr operand, parse_sum());
    compare->holds(operand);
    compare->rest.emplace_back(*op, std::move(operand));
  }
  if (compare == nullptr) return first;
  return compare;
}

Result<ExprPtr> Parser::parse_sum() {
  Place place = current().place;
  SQ_TRY(ExprPtr left, parse_concat());
  while (const auto op = sum_op(current().kind)) {
    next();
    SQ_TRY(ExprPtr right, parse_concat());
    left = std::make_unique<BinaryExpr>(ExprKind::kBinary, place, *op, std::move(left), std::move(right));
    SQ_CHECK(check_levels(*left));
    place = current().place;
  }
  return left;
}

Result<ExprPtr> Parser::parse_concat() {
  const Place place = current().place;
  SQ_TRY(ExprPtr first, parse_product());
  if (!is(TokenKind::kTilde)) return first;
  ExprList items;
  items.push_back(std::move(first));
  while (skip_if(TokenKind::kTilde)) {
    SQ_TRY(ExprPtr item, parse_product());
    items.push_back(std::move(item));
  }
  return std::make_unique<SequenceExpr>(ExprKind::kConcat, place, std::move(items));
}

Result<ExprPtr> Parser::parse_product() {
  Place place = current().place;
  SQ_TRY(ExprPtr left, parse_power());
  while (const auto op = product_op(current().kind)) {
    next();
    SQ_TRY(ExprPtr right, parse_power());
    left = std::make_unique<BinaryExpr>(ExprKind::kBinary, place, *op, std::move(left), std::move(right));
    SQ_CHECK(check_levels(*left));
    place = current().place;
  }
  return left;
}

// Unlike Python's, Jinja's power associates to the left and binds looser than a sign.
Result<ExprPtr> Parser::parse_power() {
  Place place = current().place;
  SQ_TRY(ExprPtr left, parse_unary());
  while (skip_if(TokenKind::kPow)) {
    SQ_TRY(ExprPtr right, parse_unary());
    left =
        std::make_unique<BinaryExpr>(ExprKind::kBinary, place, py::BinaryOp::kPow, std::move(left), std::move(right));
    SQ_CHECK(check_levels(*left));
    place = current().place;
  }
  return left;
}

Result<ExprPtr> Parser::parse_unary(bool with_filter) {
  SQ_CHECK(enter());
  const DepthGuard guard(depth_);
  const Place place = current().place;
  ExprPtr expr;
  if (is(TokenKind::kSub) || is(TokenKind::kAdd)) {
    const ExprKind kind = next().is(TokenKind::kSub) ? ExprKind::kNegate : ExprKind::kPositive;
    SQ_TRY(ExprPtr operand, parse_unary(false));
    expr = std::make_unique<UnaryExpr>(kind, place, std::move(operand));
  } else {
    SQ_TRY(expr, parse_primary());
  }
  SQ_CHECK(check_levels(*expr));
  SQ_TRY(expr, parse_postfix(std::move(expr)));
  if (!with_filter) return expr;
  return parse_filters_and_tests(std::move(expr));
}

Result<ExprPtr> Parser::parse_name(bool with_namespace) {
  const Token& token = next();
  const std::string& name = token.text;
  if (name == "true" || name == "True") return std::make_unique<ConstExpr>(token.place, Value(true));
  if (name == "false" || name == "False") return std::make_unique<ConstExpr>(token.place, Value(false));
  if (name == "none" || name == "None") return std::make_unique<ConstExpr>(token.place, Value());
  if (with_namespace && skip_if(TokenKind::kDot)) {
    SQ_TRY(const Token* attribute, expect(TokenKind::kName));
    return std::make_unique<NamespaceRefExpr>(token.place, name, attribute->text);
  }
  return std::make_unique<NameExpr>(token.place, name);
}

Result<ExprPtr> Parser::parse_primary(bool with_namespace) {
  const Place place = current().place;
  switch (current().kind) {
    case TokenKind::kName: return parse_name(with_namespace);
    case TokenKind::kString: {
      std::string text;
      while (is(TokenKind::kString)) text += next().text;
      return std::make_unique<ConstExpr>(place, Value(std::move(text)));
    }
    case TokenKind::kInteger:
    case TokenKind::kFloat: return std::make_unique<ConstExpr>(place, next().number);
    case TokenKind::kLParen: {
      next();
      SQ_TRY(ExprPtr inner, parse_tuple({.parenthesized = true}));
      SQ_TRY([[maybe_unused]] const Token* end, expect(TokenKind::kRParen));
      return inner;
    }
    case TokenKind::kLBracket: return parse_list();
    case TokenKind::kLBrace: return parse_dict();
    default: return fail_here("unexpected " + quoted(describe(current())));
  }
}

Result<ExprPtr> Parser::parse_tuple(TupleMode mode) {
  Place place = current().place;
  ExprList items;
  bool is_tuple = false;
  while (true) {
    if (!items.empty()) {
      SQ_TRY([[maybe_unused]] const Token* comma, expect(TokenKind::kComma));
    }
    const bool at_end = is(TokenKind::kVariableEnd) || is(TokenKind::kBlockEnd) || is(TokenKind::kRParen);
    if (at_end) break;
    SQ_TRY(ExprPtr item, mode.simplified ? parse_primary(mode.with_namespace) : parse_expression(mode.with_condition));
    items.push_back(std::move(item));
    if (!is(TokenKind::kComma)) break;
    is_tuple = true;
    place = current().place;
  }
  if (!is_tuple) {
    if (!items.empty()) return std::move(items.front());
    // Without parentheses nothing is no empty tuple.
    if (!mode.parenthesized) return fail_here("Expected an expression, got " + quoted(describe(current())));
  }
  return std::make_unique<SequenceExpr>(ExprKind::kTuple, place, std::move(items));
}

namespace {

// Jinja's node names, for "can't assign to 'const'".
std::string_view node_name(ExprKind kind) {
  switch (kind) {
    case ExprKind::kConst: return "const";
    case ExprKind::kList: return "list";
    case ExprKind::kDict: return "dict";
    case ExprKind::kGetattr: return "getattr";
    case ExprKind::kGetitem: return "getitem";
    case ExprKind::kCall: return "call";
    case ExprKind::kFilter: return "filter";
    case ExprKind::kTest: return "test";
    case ExprKind::kNot: return "not";
    case ExprKind::kNegate: return "neg";
    case ExprKind::kPositive: return "pos";
    case ExprKind::kConcat: return "concat";
    case ExprKind::kCompare: return "compare";
    case ExprKind::kAnd: return "and";
    case ExprKind::kOr: return "or";
    case ExprKind::kCondition: return "condexpr";
    default: return "expression";
  }
}

// The first part of a target that nothing can be assigned to; null when all is well.
const Expr* unassignable(const Expr& target) {
  if (target.kind == ExprKind::kName || target.kind == ExprKind::kNamespaceRef) return nullptr;
  if (target.kind != ExprKind::kTuple) return &target;
  for (const ExprPtr& item : static_cast<const SequenceExpr&>(target).items) {
    if (unassignable(*item) != nullptr) return &target;
  }
  return nullptr;
}

}  // namespace

Result<ExprPtr> Parser::parse_assign_target(bool with_namespace) {
  SQ_TRY(ExprPtr target, parse_tuple({.simplified = true, .with_namespace = with_namespace}));
  const Expr* wrong = unassignable(*target);
  if (wrong == nullptr) return target;
  const std::string_view name = wrong->kind == ExprKind::kTuple ? "tuple" : node_name(wrong->kind);
  return fail_at("can't assign to " + quoted(name), target->place);
}

Result<std::string> Parser::parse_assign_name() {
  SQ_TRY(const Token* token, expect(TokenKind::kName));
  for (const std::string_view literal : {"true", "True", "false", "False", "none", "None"}) {
    if (token->text == literal) return fail_at("can't assign to 'name'", token->place);
  }
  return token->text;
}

Result<ExprPtr> Parser::parse_list() {
  const Place place = next().place;
  ExprList items;
  while (!is(TokenKind::kRBracket)) {
    if (!items.empty()) {
      SQ_TRY([[maybe_unused]] const Token* comma, expect(TokenKind::kComma));
      if (is(TokenKind::kRBracket)) break;
    }
    SQ_TRY(ExprPtr item, parse_expression());
    items.push_back(std::move(item));
  }
  SQ_TRY([[maybe_unused]] const Token* end, expect(TokenKind::kRBracket));
  return std::make_unique<SequenceExpr>(ExprKind::kList, place, std::move(items));
}

Result<ExprPtr> Parser::parse_dict() {
  auto dict = std::make_unique<DictExpr>(next().place);
  while (!is(TokenKind::kRBrace)) {
    if (!dict->items.empty()) {
      SQ_TRY([[maybe_unused]] const Token* comma, expect(TokenKind::kComma));
      if (is(TokenKind::kRBrace)) break;
    }
    SQ_TRY(ExprPtr key, parse_expression());
    SQ_TRY([[maybe_unused]] const Token* colon, expect(TokenKind::kColon));
    SQ_TRY(ExprPtr value, parse_expression());
    dict->holds(key);
    dict->holds(value);
    dict->items.emplace_back(std::move(key), std::move(value));
  }
  SQ_TRY([[maybe_unused]] const Token* end, expect(TokenKind::kRBrace));
  return dict;
}

Result<ExprPtr> Parser::parse_postfix(ExprPtr expr) {
  while (true) {
    if (is(TokenKind::kDot) || is(TokenKind::kLBracket)) {
      SQ_TRY(expr, parse_subscript(std::move(expr)));
    } else if (is(TokenKind::kLParen)) {
      SQ_TRY(expr, parse_call(std::move(expr)));
    } else {
      return expr;
    }
    SQ_CHECK(check_levels(*expr));
  }
}

Result<ExprPtr> Parser::parse_filters_and_tests(ExprPtr expr) {
  while (true) {
    if (is(TokenKind::kPipe)) {
      SQ_TRY(expr, parse_filter(std::move(expr)));
    } else if (is_name("is")) {
      SQ_TRY(expr, parse_test(std::move(expr)));
    } else if (is(TokenKind::kLParen)) {
      SQ_TRY(expr, parse_call(std::move(expr)));
    } else {
      return expr;
    }
    SQ_CHECK(check_levels(*expr));
  }
}

Result<ExprPtr> Parser::parse_subscript(ExprPtr expr) {
  const Token& opening = next();
  const Place place = opening.place;
  if (opening.is(TokenKind::kDot)) {
    const Token& member = next();
    if (member.is(TokenKind::kName)) return std::make_unique<GetattrExpr>(place, std::move(expr), member.text);
    if (!member.is(TokenKind::kInteger)) return fail_at("expected name or number", member.place);
    return std::make_unique<GetitemExpr>(place, std::move(expr),
                                         std::make_unique<ConstExpr>(member.place, member.number));
  }
  ExprList keys;
  while (!is(TokenKind::kRBracket)) {
    if (!keys.empty()) {
      SQ_TRY([[maybe_unused]] const Token* comma, expect(TokenKind::kComma));
    }
    SQ_TRY(ExprPtr key, parse_subscribed());
    keys.push_back(std::move(key));
  }
  SQ_TRY([[maybe_unused]] const Token* end, expect(TokenKind::kRBracket));
  ExprPtr key = keys.size() == 1 ? std::move(keys.front())
                                 : std::make_unique<SequenceExpr>(ExprKind::kTuple, place, std::move(keys));
  return std::make_unique<GetitemExpr>(place, std::move(expr), std::move(key));
}

Result<ExprPtr> Parser::parse_subscribed() {
  const Place place = current().place;
  ExprPtr start;
  if (!is(TokenKind::kColon)) {
    SQ_TRY(start, parse_expression());
    if (!is(TokenKind::kColon)) return start;
  }
  next();
  auto slice = std::make_unique<SliceExpr>(place);
  slice->start = std::move(start);
  const auto part_follows = [&] {
    return !is(TokenKind::kColon) && !is(TokenKind::kRBracket) && !is(TokenKind::kComma);
  };
  if (part_follows()) {
    SQ_TRY(slice->stop, parse_expression());
  }
  if (skip_if(TokenKind::kColon) && part_follows()) {
    SQ_TRY(slice->step, parse_expression());
  }
  slice->holds(slice->start);
  slice->holds(slice->stop);
  slice->holds(slice->step);
  return slice;
}

Result<ExprPtr> Parser::parse_call(ExprPtr callee) {
  const Place place = current().place;
  SQ_TRY(CallSyntax arguments, parse_call_arguments());
  return std::make_unique<CallExpr>(place, std::move(callee), std::move(arguments));
}

Result<CallSyntax> Parser::parse_call_arguments() {
  const Place place = next().place;
  CallSyntax call;
  bool comma_needed = false;
  const auto misplaced = [&] { return fail_at("invalid syntax for function call expression", place); };
  while (!is(TokenKind::kRParen)) {
    if (comma_needed) {
      SQ_TRY([[maybe_unused]] const Token* comma, expect(TokenKind::kComma));
      if (is(TokenKind::kRParen)) break;
    }
    if (is(TokenKind::kMul)) {
      if (call.more_positional || call.more_keyword) return misplaced();
      next();
      SQ_TRY(call.more_positional, parse_expression());
    } else if (is(TokenKind::kPow)) {
      if (call.more_keyword) return misplaced();
      next();
      SQ_TRY(call.more_keyword, parse_expression());
    } else if (is(TokenKind::kName) && look().is(TokenKind::kError)) {
      return fail(*mistake_);
    } else if (is(TokenKind::kName) && look().is(TokenKind::kAssign)) {
      if (call.more_keyword) return misplaced();
      std::string name = next().text;
      next();
      SQ_TRY(ExprPtr value, parse_expression());
      call.keyword.emplace_back(std::move(name), std::move(value));
    } else {
      if (call.more_positional || call.more_keyword || !call.keyword.empty()) return misplaced();
      SQ_TRY(ExprPtr value, parse_expression());
      call.positional.push_back(std::move(value));
    }
    comma_needed = true;
  }
  SQ_TRY([[maybe_unused]] const Token* end, expect(TokenKind::kRParen));
  return call;
}

Result<std::string> Parser::parse_dotted_name() {
  SQ_TRY(const Token* token, expect(TokenKind::kName));
  std::string name = token->text;
  while (skip_if(TokenKind::kDot)) {
    SQ_TRY(const Token* part, expect(TokenKind::kName));
    name += "." + part->text;
  }
  return name;
}

Result<ExprPtr> Parser::parse_filter(ExprPtr input, bool start_inline) {
  while (start_inline || is(TokenKind::kPipe)) {
    if (!start_inline) next();
    start_inline = false;
    const Place place = current().place;
    SQ_TRY(std::string name, parse_dotted_name());
    CallSyntax arguments;
    if (is(TokenKind::kLParen)) {
      SQ_TRY(arguments, parse_call_arguments());
    }
    auto filter = std::make_unique<FilterExpr>(place, std::move(input), std::move(name), std::move(arguments));
    filter->filter = find_filter(filter->name, environment_);
    input = std::move(filter);
    SQ_CHECK(check_levels(*input));
  }
  return input;
}

Result<ExprPtr> Parser::parse_test(ExprPtr input) {
  const Place place = next().place;
  const bool negated = skip_if_name("not");
  SQ_TRY(std::string name, parse_dotted_name());
  CallSyntax arguments;
  const bool argument_follows = is(TokenKind::kName) || is(TokenKind::kString) || is(TokenKind::kInteger) ||
                                is(TokenKind::kFloat) || is(TokenKind::kLBracket) || is(TokenKind::kLBrace);
  if (is(TokenKind::kLParen)) {
    SQ_TRY(arguments, parse_call_arguments());
  } else if (argument_follows && !is_name("else") && !is_name("or") && !is_name("and")) {
    if (is_name("is")) return fail_here("You cannot chain multiple tests with is");
    SQ_TRY(ExprPtr argument, parse_primary());
    SQ_TRY(argument, parse_postfix(std::move(argument)));
    arguments.positional.push_back(std::move(argument));
  }
  auto test = std::make_unique<TestExpr>(place, std::move(input), std::move(name), std::move(arguments));
  test->test = find_test(test->name);
  if (!negated) return test;
  return std::make_unique<UnaryExpr>(ExprKind::kNot, place, std::move(test));
}

}  // namespace squall::expr::jinja
