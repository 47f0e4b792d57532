// The grammar of jsonpath_rw 1.4. Its parser is LALR with these ranks, weakest first: brackets, `..`, `.`, `|`, `&`,
// `where`: `a|b[0]` is `(a|b)[0]`. Tokens are read one by one, because an early syntax error hides a later lexical one.
#include "base/strings.hpp"
#include "text/jsonpath.hpp"
#include "text/jsonpath_node.hpp"
#include "text/unicode.hpp"

namespace squall::jsonpath {
namespace {

struct Token {
  enum class Type { kEnd, kId, kNumber, kNamedOperator, kWhere, kDoubleDot, kLiteral };
  Type type = Type::kEnd;
  std::string text;
  int64_t number = 0;
  size_t line = 1;
  size_t column = 0;
  size_t position = 0;

  bool is(char literal) const { return type == Type::kLiteral && text[0] == literal; }
};

bool is_digit(char32_t c) { return c >= U'0' && c <= U'9'; }
bool is_letter(char32_t c) { return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z') || c == U'_' || c == U'@'; }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(decode_utf8(text)) {}

  Result<Token> next() {
    while (at_ < text_.size() && (text_[at_] == U' ' || text_[at_] == U'\t' || text_[at_] == U'\n')) {
      if (text_[at_] == U'\n') {
        ++line_;
        line_start_ = at_;
      }
      ++at_;
    }
    if (at_ == text_.size()) return token(Token::Type::kEnd, at_, "");
    const size_t begin = at_;
    const char32_t ch = text_[at_];
    if (is_letter(ch)) {
      while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]) || text_[at_] == U'-')) ++at_;
      std::string name = slice(begin);
      const auto type = name == "where" ? Token::Type::kWhere : Token::Type::kId;
      return token(type, begin, std::move(name));
    }
    if (is_digit(ch) || (ch == U'-' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) return number(begin);
    if (ch == U'\'') return quoted(U'\'', "singlequoted field", Token::Type::kId);
    if (ch == U'"') return quoted(U'"', "doublequoted field", Token::Type::kId);
    if (ch == U'`') return quoted(U'`', "backquoted operator", Token::Type::kNamedOperator);
    if (ch == U'.' && at_ + 1 < text_.size() && text_[at_ + 1] == U'.') {
      at_ += 2;
      return token(Token::Type::kDoubleDot, begin, "..");
    }
    if (std::u32string_view(U"*.[]()$,:|&").find(ch) == std::u32string_view::npos) return unexpected("");
    ++at_;
    return token(Token::Type::kLiteral, begin, slice(begin));
  }

 private:
  std::string slice(size_t begin) const { return encode_utf8(std::u32string_view(text_).substr(begin, at_ - begin)); }

  Token token(Token::Type type, size_t position, std::string text) const {
    return Token{type, std::move(text), 0, line_, position - line_start_, position};
  }

  Token number(size_t begin) {
    if (text_[at_] == U'-') ++at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    Token result = token(Token::Type::kNumber, begin, slice(begin));
    result.number = parse_int(result.text).value_or(result.text[0] == '-' ? INT64_MIN : INT64_MAX);
    return result;
  }

  // Quoted text; a backslash keeps the next character as it is. Its position is that of the closing quote.
  Result<Token> quoted(char32_t quote, const char* what, Token::Type type) {
    std::u32string content;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == quote) {
        Token result = token(type, at_, encode_utf8(content));
        ++at_;
        return result;
      }
      if (text_[at_] == U'\\') {
        if (at_ + 1 == text_.size() || text_[at_ + 1] == U'\n') return unexpected(std::string(" while lexing ") + what);
        ++at_;
      }
      content.push_back(text_[at_]);
    }
    return lexer_error("Unexpected EOF in string literal or identifier");
  }

  tl::unexpected<Error> unexpected(const std::string& doing) const {
    return lexer_error("Error on line " + std::to_string(line_) + ", col " + std::to_string(at_ - line_start_) + doing +
                       ": Unexpected character: " + encode_utf8({&text_[at_], 1}) + " ");
  }
  static tl::unexpected<Error> lexer_error(std::string message) {
    return fail(Error(ErrorCode::kInvalid, std::move(message)).with_type("JsonPathLexerError"));
  }

  std::u32string text_;
  size_t at_ = 0;
  size_t line_ = 1;
  size_t line_start_ = 0;  // jsonpath_rw counts columns from the newline itself
};

class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) {}

  Result<NodePtr> run() {
    SQ_CHECK(advance());
    SQ_TRY(NodePtr path, expression(0, 0));
    if (token_.type != Token::Type::kEnd) return unexpected();
    return path;
  }

 private:
  Status advance() {
    SQ_TRY(token_, lexer_.next());
    return {};
  }

  tl::unexpected<Error> unexpected() const {
    if (token_.type == Token::Type::kEnd) {
      return fail(Error(ErrorCode::kInvalid, "Parse error: the path ends too early").with_type("AttributeError"));
    }
    constexpr const char* kTypes[] = {"", "ID", "NUMBER", "NAMED_OPERATOR", "WHERE", "DOUBLEDOT", ""};
    const bool literal = token_.type == Token::Type::kLiteral;
    const std::string shown = token_.type == Token::Type::kNumber ? std::to_string(token_.number) : token_.text;
    return fail(Error(ErrorCode::kInvalid, "Parse error at " + std::to_string(token_.line) + ":" +
                                               std::to_string(token_.column) + " near token " + shown + " (" +
                                               (literal ? token_.text : kTypes[static_cast<size_t>(token_.type)]) + ")")
                    .with_type("Exception"));
  }

  Status expect(char literal) {
    if (!token_.is(literal)) return unexpected();
    return advance();
  }

  static NodePtr make(Node node) { return std::make_shared<const Node>(std::move(node)); }
  static NodePtr binary(Node::Kind kind, NodePtr left, NodePtr right) {
    return make({.kind = kind, .left = std::move(left), .right = std::move(right)});
  }

  // 0 when the token is no operator.
  int rank() const {
    if (token_.type == Token::Type::kDoubleDot) return 1;
    if (token_.is('.')) return 2;
    if (token_.is('|')) return 3;
    if (token_.is('&')) return 4;
    return token_.type == Token::Type::kWhere ? 5 : 0;
  }

  Result<NodePtr> expression(int above, size_t depth) {
    if (depth > kNestingMax) {
      return fail(ErrorCode::kLimit, "the JSONPath nests deeper than " + std::to_string(kNestingMax));
    }
    constexpr Node::Kind kKinds[] = {Node::Kind::kRoot,  Node::Kind::kDescendants, Node::Kind::kChild,
                                     Node::Kind::kUnion, Node::Kind::kIntersect,   Node::Kind::kWhere};
    SQ_TRY(NodePtr left, primary(depth));
    for (;; ++steps_) {
      if (steps_ > kStepsMax) {
        return fail(ErrorCode::kLimit, "the JSONPath has more than " + std::to_string(kStepsMax) + " steps");
      }
      if (token_.is('[') && above == 0) {
        SQ_TRY(NodePtr inside, brackets());
        left = binary(Node::Kind::kChild, std::move(left), std::move(inside));
        continue;
      }
      const int operation = rank();
      if (operation <= above) return left;
      SQ_CHECK(advance());
      SQ_TRY(NodePtr right, expression(operation, depth + 1));
      left = binary(kKinds[operation], std::move(left), std::move(right));
    }
  }

  Result<NodePtr> primary(size_t depth) {
    if (token_.type == Token::Type::kId) return fields();
    if (token_.type == Token::Type::kNamedOperator) return named_operator();
    if (token_.is('[')) return brackets();
    if (token_.is('*')) {
      SQ_CHECK(advance());
      return make({.kind = Node::Kind::kFields, .fields = {"*"}});
    }
    if (token_.is('$')) {
      SQ_CHECK(advance());
      return make({.kind = Node::Kind::kRoot});
    }
    if (!token_.is('(')) return unexpected();
    SQ_CHECK(advance());
    SQ_TRY(NodePtr inside, expression(0, depth + 1));
    SQ_CHECK(expect(')'));
    return inside;
  }

  Result<NodePtr> named_operator() {
    const Token name = token_;
    SQ_CHECK(advance());
    // An LALR parser looks one token ahead before it accepts the operator.
    if (rank() == 0 && token_.type != Token::Type::kEnd && !token_.is('[') && !token_.is(')')) return unexpected();
    if (name.text != "this" && name.text != "parent") {
      return fail(Error(ErrorCode::kInvalid, "Unknown named operator `" + name.text + "` at " +
                                                 std::to_string(name.line) + ":" + std::to_string(name.position))
                      .with_type("Exception"));
    }
    return make({.kind = name.text == "this" ? Node::Kind::kThis : Node::Kind::kParent});
  }

  Result<NodePtr> fields() {
    Node node{.kind = Node::Kind::kFields};
    for (;;) {
      if (token_.type != Token::Type::kId) return unexpected();
      node.fields.push_back(token_.text);
      SQ_CHECK(advance());
      if (!token_.is(',')) return make(std::move(node));
      SQ_CHECK(advance());
    }
  }

  // "[3]", "[1:2]", "[*]" or "['a','b']".
  Result<NodePtr> brackets() {
    SQ_CHECK(advance());
    NodePtr node;
    if (token_.type == Token::Type::kId) {
      SQ_TRY(node, fields());
    } else if (token_.is('*')) {
      SQ_CHECK(advance());
      node = make({.kind = Node::Kind::kSlice});
    } else {
      SQ_TRY(const std::optional<int64_t> first, maybe_number());
      if (token_.is(':')) {
        SQ_CHECK(advance());
        SQ_TRY(const std::optional<int64_t> last, maybe_number());
        node = make({.kind = Node::Kind::kSlice, .begin = first, .end = last});
      } else {
        if (!first) return unexpected();
        node = make({.kind = Node::Kind::kIndex, .index = *first});
      }
    }
    SQ_CHECK(expect(']'));
    return node;
  }

  Result<std::optional<int64_t>> maybe_number() {
    if (token_.type != Token::Type::kNumber) return std::optional<int64_t>();
    const int64_t number = token_.number;
    SQ_CHECK(advance());
    return std::optional<int64_t>(number);
  }

  Lexer lexer_;
  Token token_;
  size_t steps_ = 0;
};

}  // namespace

Result<NodePtr> parse(std::string_view text) { return Parser(text).run(); }

}  // namespace squall::jsonpath
