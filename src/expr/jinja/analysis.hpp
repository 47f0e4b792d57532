// What Jinja's compiler finds out about a template before it runs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "expr/jinja/ast.hpp"

namespace squall::expr::jinja {

// Refuses what the compiler refuses ("TemplateAssertionError", "SyntaxError"): unknown filters and tests, for example.
// One inside an if or a conditional expression is an error only when it runs.
Status check(const Body& body);
Status check(const Expr& expr);

// jinja2.meta.find_undeclared_variables, sorted: all names that are looked up in the context.
std::vector<std::string> find_undeclared(const Body& body);

// By the body of a frame: names that it assigns without having looked them up before. Until then they are undefined in
// there and in what lies inside, whatever the context has.
using HiddenNames = std::map<const Body*, std::vector<std::string>>;
HiddenNames find_hidden(const Body& body);

// The names that are there without a context.
bool is_global_name(std::string_view name);

}  // namespace squall::expr::jinja
