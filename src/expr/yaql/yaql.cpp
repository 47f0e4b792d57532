#include "expr/yaql/yaql.hpp"

#include <list>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "expr/python/errors.hpp"
#include "expr/yaql/ast.hpp"
#include "expr/yaql/parser.hpp"
#include "expr/yaql/runtime.hpp"

namespace squall::expr {

Result<YaqlExpression> YaqlExpression::compile(std::string_view text) {
  if (text.size() > yaql::kExpressionBytesMax) {
    return py::limit_error("expression is longer than " + std::to_string(yaql::kExpressionBytesMax) +
                           " bytes (kExpressionBytesMax)");
  }
  auto program = std::make_shared<yaql::Program>();
  program->text = text;
  SQ_TRY(program->root, yaql::parse(program->text));
  return YaqlExpression(std::move(program));
}

const std::string& YaqlExpression::text() const { return program_->text; }

Result<Value> YaqlExpression::evaluate(const YaqlScope& scope, std::string* shown) const {
  yaql::Runtime runtime(scope);
  return runtime.run(*program_, shown);
}

namespace {

// The most recently used expressions. One lock for all: what it guards is a look-up.
class ExpressionCache {
 public:
  std::optional<YaqlExpression> find(const std::string& text) {
    const std::lock_guard lock(mutex_);
    const auto found = by_text_.find(text);
    if (found == by_text_.end()) return std::nullopt;
    recent_.splice(recent_.begin(), recent_, found->second);
    return *found->second;
  }

  void add(const YaqlExpression& made) {
    const std::lock_guard lock(mutex_);
    if (by_text_.contains(made.text())) return;
    recent_.push_front(made);
    by_text_.emplace(recent_.front().text(), recent_.begin());
    if (recent_.size() <= yaql::kCacheMax) return;
    by_text_.erase(recent_.back().text());
    recent_.pop_back();
  }

 private:
  using Entries = std::list<YaqlExpression>;
  std::mutex mutex_;
  Entries recent_;
  std::unordered_map<std::string_view, Entries::iterator> by_text_;  // the keys are those of `recent_`
};

}  // namespace

Result<YaqlExpression> YaqlExpression::compile_cached(std::string_view text) {
  static ExpressionCache cache;
  if (auto found = cache.find(std::string(text))) return *std::move(found);
  SQ_TRY(YaqlExpression made, compile(text));
  cache.add(made);
  return made;
}

}  // namespace squall::expr
