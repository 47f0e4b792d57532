// YAQL's grammar: operators by precedence, calls, lists, maps.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "expr/yaql/ast.hpp"

namespace squall::expr::yaql {

// "YaqlGrammarException" and "YaqlLexicalException" with line and column; kLimit beyond kNestingMax.
Result<NodePtr> parse(std::string_view text);

}  // namespace squall::expr::yaql
