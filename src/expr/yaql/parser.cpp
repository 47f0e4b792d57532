// yaql builds an LALR grammar whose conflicts are solved by precedence alone. For its operators that comes down to
// precedence climbing, where a prefix operator reads an operand of its own level even to the right of a stronger one:
// `a * not b + c` is a * (not (b + c)).
#include "expr/yaql/parser.hpp"

#include <array>
#include <optional>
#include <utility>

#include "expr/python/errors.hpp"
#include "expr/yaql/functions.hpp"
#include "expr/yaql/lexer.hpp"
#include "expr/yaql/yaql.hpp"

namespace squall::expr::yaql {

namespace {

// Levels count as in yaql's table: the smaller, the stronger.
struct Operator {
  std::string_view text;
  int level;
  bool right_associative = false;
};

constexpr std::array<Operator, 18> kBinary = {{{".", 1},
                                               {"?.", 1},
                                               {"=~", 4},
                                               {"!~", 4},
                                               {"*", 5},
                                               {"/", 5},
                                               {"mod", 5},
                                               {"+", 6},
                                               {"-", 6},
                                               {">", 7},
                                               {"<", 7},
                                               {">=", 7},
                                               {"<=", 7},
                                               {"!=", 7},
                                               {"=", 7},
                                               {"in", 7},
                                               {"and", 9},
                                               {"or", 10}}};
constexpr Operator kSend = {"->", 11, true};
constexpr int kIndexLevel = 2;
constexpr int kSignLevel = 3;
constexpr int kNotLevel = 8;
constexpr int kWeakest = 12;

const Operator* find_binary(std::string_view text) {
  for (const Operator& op : kBinary) {
    if (op.text == text) return &op;
  }
  return text == kSend.text ? &kSend : nullptr;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : source_(text), lexer_(text) {}

  Result<NodePtr> run() {
    SQ_CHECK(advance());
    SQ_TRY(NodePtr root, value(kWeakest));
    if (token_.kind != TokenKind::kEnd) return unexpected();
    return root;
  }

 private:
  Status advance() {
    SQ_TRY(token_, lexer_.next());
    return {};
  }

  tl::unexpected<Error> unexpected() const {
    if (token_.kind == TokenKind::kEnd) {
      Error error(ErrorCode::kInvalid, "Parse error: unexpected end of statement");
      return fail(error.with_type("YaqlGrammarException").at(lexer_.where(token_.position)));
    }
    Error error(ErrorCode::kInvalid, "Parse error: unexpected '" + token_.text + "' at position " +
                                         std::to_string(token_.position) + " of expression '" + std::string(source_) +
                                         "'");
    return fail(error.with_type("YaqlGrammarException").at(lexer_.where(token_.position)));
  }

  static NodePtr make_call(NodeKind kind, std::string name, std::vector<NodePtr> args, size_t position) {
    auto node = std::make_unique<Node>();
    node->position = position;
    node->kind = kind;
    node->functions = find_functions(name);
    node->methods = kind == NodeKind::kCall ? find_methods(name) : nullptr;
    node->name = std::move(name);
    for (const NodePtr& arg : args) {
      if (arg == nullptr || arg->kind == NodeKind::kMapping) node->plain_args = false;
    }
    node->args = std::move(args);
    return node;
  }

  static std::vector<NodePtr> pair(NodePtr left, NodePtr right) {
    std::vector<NodePtr> both;
    both.push_back(std::move(left));
    both.push_back(std::move(right));
    return both;
  }

  // Reads operators that bind at least as strong as `weakest`.
  Result<NodePtr> value(int weakest) {
    if (++depth_ > kNestingMax) {
      return py::limit_error("expression is nested deeper than " + std::to_string(kNestingMax) + " (kNestingMax)");
    }
    SQ_TRY(NodePtr left, prefix());
    for (;;) {
      const size_t position = token_.position;
      if (token_.kind == TokenKind::kBracket && kIndexLevel <= weakest) {
        SQ_CHECK(advance());
        SQ_TRY(std::vector<NodePtr> args, arguments("]"));
        args.insert(args.begin(), std::move(left));
        left = make_call(NodeKind::kIndex, "#indexer", std::move(args), position);
        continue;
      }
      const Operator* op = token_.kind == TokenKind::kOperator ? find_binary(token_.text) : nullptr;
      if (op == nullptr || op->level > weakest) break;
      SQ_CHECK(advance());
      SQ_TRY(NodePtr right, value(op->right_associative ? op->level : op->level - 1));
      std::string name = op->text == "="    ? "*equal"
                         : op->text == "!=" ? "*not_equal"
                                            : "#operator_" + std::string(op->text);
      left = make_call(NodeKind::kBinary, std::move(name), pair(std::move(left), std::move(right)), position);
    }
    --depth_;
    return left;
  }

  Result<NodePtr> prefix() {
    const size_t position = token_.position;
    switch (token_.kind) {
      case TokenKind::kConstant:
      case TokenKind::kKeyword:
      case TokenKind::kVariable: return leaf();
      case TokenKind::kFunction: {
        std::string name = token_.text;
        SQ_CHECK(advance());
        SQ_TRY(std::vector<NodePtr> args, arguments(")"));
        return make_call(NodeKind::kCall, std::move(name), std::move(args), position);
      }
      case TokenKind::kBracket: {
        SQ_CHECK(advance());
        SQ_TRY(std::vector<NodePtr> args, arguments("]"));
        return make_call(NodeKind::kList, "#list", std::move(args), position);
      }
      case TokenKind::kBrace: {
        SQ_CHECK(advance());
        SQ_TRY(std::vector<NodePtr> args, arguments("}"));
        return make_call(NodeKind::kMap, "#map", std::move(args), position);
      }
      case TokenKind::kOperator: return unary();
      case TokenKind::kLiteral:
        if (token_.text == "(") return parenthesized();
        return unexpected();
      default: return unexpected();
    }
  }

  Result<NodePtr> leaf() {
    auto node = std::make_unique<Node>();
    node->kind = token_.kind == TokenKind::kConstant  ? NodeKind::kConstant
                 : token_.kind == TokenKind::kKeyword ? NodeKind::kKeyword
                                                      : NodeKind::kVariable;
    node->value = token_.value;
    if (node->kind == NodeKind::kVariable) node->name = token_.text == "$" ? "1" : token_.text.substr(1);
    SQ_CHECK(advance());
    return NodePtr(std::move(node));
  }

  Result<NodePtr> unary() {
    const std::string text = token_.text;
    const size_t position = token_.position;
    if (text != "+" && text != "-" && text != "not") return unexpected();
    SQ_CHECK(advance());
    SQ_TRY(NodePtr operand, value(text == "not" ? kNotLevel - 1 : kSignLevel - 1));
    std::vector<NodePtr> args;
    args.push_back(std::move(operand));
    return make_call(NodeKind::kUnary, "#unary_operator_" + text, std::move(args), position);
  }

  Result<NodePtr> parenthesized() {
    SQ_CHECK(advance());
    SQ_TRY(NodePtr inner, value(kWeakest));
    if (!token_.is(TokenKind::kLiteral, ")")) return unexpected();
    SQ_CHECK(advance());
    auto node = std::make_unique<Node>();
    node->kind = NodeKind::kWrap;
    node->args.push_back(std::move(inner));
    return NodePtr(std::move(node));
  }

  bool at_comma() const { return token_.is(TokenKind::kLiteral, ","); }

  // Arguments up to and with the closing bracket. Positional ones may be left out, except the last; named ones follow,
  // separated by one comma (by two after a positional one).
  Result<std::vector<NodePtr>> arguments(std::string_view closing) {
    std::vector<NodePtr> args;
    if (token_.is(TokenKind::kLiteral, closing)) {
      SQ_CHECK(advance());
      return args;
    }
    bool named = false;
    for (bool first = true;; first = false) {
      size_t left_out = 0;
      while (at_comma() && !named) {
        ++left_out;
        args.push_back(nullptr);
        SQ_CHECK(advance());
      }
      SQ_TRY(NodePtr arg, value(kWeakest));
      const bool may_be_named = named || left_out == 0 || (left_out == 1 && !first);
      if (token_.kind == TokenKind::kMapping && may_be_named) {
        SQ_CHECK(advance());
        SQ_TRY(NodePtr destination, value(kWeakest));
        auto rule = std::make_unique<Node>();
        rule->kind = NodeKind::kMapping;
        rule->args = pair(std::move(arg), std::move(destination));
        arg = std::move(rule);
        named = true;
      } else if (named) {
        return unexpected();
      }
      args.push_back(std::move(arg));
      if (token_.is(TokenKind::kLiteral, closing)) {
        SQ_CHECK(advance());
        return args;
      }
      if (!at_comma()) return unexpected();
      SQ_CHECK(advance());
    }
  }

  std::string_view source_;
  Lexer lexer_;
  Token token_;
  size_t depth_ = 0;
};

}  // namespace

Result<NodePtr> parse(std::string_view text) { return Parser(text).run(); }

}  // namespace squall::expr::yaql
