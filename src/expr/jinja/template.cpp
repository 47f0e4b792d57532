// JinjaTemplate: compiling, the cache, rendering.
#include <list>
#include <mutex>
#include <unordered_map>

#include "expr/expr.hpp"
#include "expr/jinja/analysis.hpp"
#include "expr/jinja/evaluator.hpp"
#include "expr/jinja/filters.hpp"
#include "expr/jinja/fold.hpp"
#include "expr/jinja/parser.hpp"

namespace squall::expr {

struct JinjaTemplate::Program {
  jinja::Body body;
  std::vector<std::string> undeclared;
  jinja::HiddenNames hidden;
};

Result<JinjaTemplate> JinjaTemplate::compile(std::string_view text) {
  auto program = std::make_shared<Program>();
  SQ_TRY(program->body, jinja::parse(text));
  SQ_CHECK(jinja::check(program->body));
  program->undeclared = jinja::find_undeclared(program->body);
  program->hidden = jinja::find_hidden(program->body);
  jinja::fold_constants(program->body, jinja::Environment::kStackStorm);
  return JinjaTemplate(std::move(program));
}

const std::vector<std::string>& JinjaTemplate::undeclared_variables() const { return program_->undeclared; }

Result<std::string> JinjaTemplate::render(const Scope& scope, const RenderOptions& options) const {
  if (const std::string* text = jinja::only_text(program_->body)) return *text;
  jinja::Runtime rt(scope, options);
  jinja::Evaluator evaluator(rt, program_->body, &program_->hidden);
  return evaluator.render();
}

namespace {

// The most recently used templates. One lock for all: what it guards is a look-up.
class TemplateCache {
 public:
  std::optional<JinjaTemplate> find(std::string_view text) {
    const std::lock_guard lock(mutex_);
    const auto found = by_text_.find(text);
    if (found == by_text_.end()) return std::nullopt;
    recent_.splice(recent_.begin(), recent_, found->second);
    return found->second->second;
  }

  void add(const std::string& text, const JinjaTemplate& made) {
    const std::lock_guard lock(mutex_);
    if (by_text_.contains(text)) return;
    recent_.emplace_front(text, made);
    by_text_.emplace(recent_.front().first, recent_.begin());
    if (recent_.size() <= kTemplateCacheMax) return;
    by_text_.erase(recent_.back().first);
    recent_.pop_back();
  }

 private:
  using Entries = std::list<std::pair<std::string, JinjaTemplate>>;
  std::mutex mutex_;
  Entries recent_;
  std::unordered_map<std::string_view, Entries::iterator> by_text_;  // the keys are those of `recent_`
};

}  // namespace

Result<JinjaTemplate> JinjaTemplate::compile_cached(std::string_view text) {
  static TemplateCache cache;
  if (auto found = cache.find(text)) return *std::move(found);
  SQ_TRY(JinjaTemplate made, compile(text));
  cache.add(std::string(text), made);
  return made;
}

void register_host_filter(std::string_view name, HostFilter filter) { jinja::add_host_filter(name, std::move(filter)); }

bool is_template(std::string_view text) {
  return text.find("{{") != std::string_view::npos || text.find("{%") != std::string_view::npos;
}

}  // namespace squall::expr
