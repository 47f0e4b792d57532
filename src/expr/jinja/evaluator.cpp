#include "expr/jinja/evaluator.hpp"

#include <array>
#include <charconv>

#include "expr/jinja/analysis.hpp"
#include "expr/jinja/globals.hpp"
#include "expr/jinja/template_objects.hpp"
#include "expr/python/text.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

using py::raise;
using py::type_error;

void Frame::set(std::string_view name, Value value) {
  for (auto& [own, current] : names) {
    if (own == name) {
      current = std::move(value);
      return;
    }
  }
  names.emplace_back(name, std::move(value));
}

const Value* Frame::find(std::string_view name) const {
  for (const Frame* frame = this; frame != nullptr; frame = frame->parent.get()) {
    for (const auto& [own, value] : frame->names) {
      if (own == name) return &value;
    }
  }
  return nullptr;
}

namespace {

void collect_blocks(const Body& body, std::map<std::string, const BlockStmt*, std::less<>>& blocks);

void collect_blocks(const Stmt& stmt, std::map<std::string, const BlockStmt*, std::less<>>& blocks) {
  switch (stmt.kind) {
    case StmtKind::kBlock: {
      const auto& block = static_cast<const BlockStmt&>(stmt);
      blocks[block.name] = &block;
      collect_blocks(block.body, blocks);
      break;
    }
    case StmtKind::kFor:
      collect_blocks(static_cast<const ForStmt&>(stmt).body, blocks);
      collect_blocks(static_cast<const ForStmt&>(stmt).otherwise, blocks);
      break;
    case StmtKind::kIf:
      for (const auto& [test, body] : static_cast<const IfStmt&>(stmt).branches) collect_blocks(body, blocks);
      collect_blocks(static_cast<const IfStmt&>(stmt).otherwise, blocks);
      break;
    case StmtKind::kWith: collect_blocks(static_cast<const WithStmt&>(stmt).body, blocks); break;
    case StmtKind::kFilterBlock: collect_blocks(static_cast<const FilterBlockStmt&>(stmt).body, blocks); break;
    case StmtKind::kAutoescape: collect_blocks(static_cast<const AutoescapeStmt&>(stmt).body, blocks); break;
    case StmtKind::kSetBlock: collect_blocks(static_cast<const SetBlockStmt&>(stmt).body, blocks); break;
    case StmtKind::kMacro: collect_blocks(static_cast<const MacroStmt&>(stmt).body, blocks); break;
    case StmtKind::kCallBlock: collect_blocks(static_cast<const CallBlockStmt&>(stmt).caller->body, blocks); break;
    default: break;
  }
}

void collect_blocks(const Body& body, std::map<std::string, const BlockStmt*, std::less<>>& blocks) {
  for (const StmtPtr& stmt : body) collect_blocks(*stmt, blocks);
}

}  // namespace

Evaluator::Evaluator(Runtime& rt, const Body& program, const HiddenNames* hidden)
    : rt_(rt),
      program_(program),
      hidden_(hidden != nullptr && !hidden->empty() ? hidden : nullptr),
      root_(FramePtr(), &root_frame_) {
  collect_blocks(program, blocks_);
}

Evaluator::~Evaluator() = default;

Result<std::string> Evaluator::render() {
  hide(program_, root_frame_);
  SQ_CHECK(run(program_, root_));
  return std::move(out_);
}

void Evaluator::hide(const Body& body, Frame& frame) {
  if (hidden_ == nullptr) return;
  const auto names = hidden_->find(&body);
  if (names == hidden_->end()) return;
  for (const std::string& name : names->second) {
    const bool outside = rt_.scope().find(name) != nullptr || find_global(name) != nullptr;
    if (outside && frame.find(name) == nullptr) frame.set(name, rt_.undefined_name(name));
  }
}

FramePtr Evaluator::new_frame(const Body& body, const FramePtr& outer) {
  FramePtr frame = std::make_shared<Frame>(outer);
  hide(body, *frame);
  return frame;
}

Status Evaluator::run(const Body& body, const FramePtr& frame) {
  for (const StmtPtr& stmt : body) {
    Status status = run(*stmt, frame);
    if (!status) return fail(status.error().at(SourcePosition{"", stmt->place.line, stmt->place.column}));
  }
  return {};
}

Status Evaluator::run(const Stmt& stmt, const FramePtr& frame) {
  SQ_CHECK(rt_.charge());
  switch (stmt.kind) {
    case StmtKind::kText: return append(static_cast<const TextStmt&>(stmt).text);
    case StmtKind::kOutput: return run_output(static_cast<const OutputStmt&>(stmt), frame);
    case StmtKind::kFor: return run_for(static_cast<const ForStmt&>(stmt), frame);
    case StmtKind::kIf: return run_if(static_cast<const IfStmt&>(stmt), frame);
    case StmtKind::kWith: return run_with(static_cast<const WithStmt&>(stmt), frame);
    case StmtKind::kSet: {
      const auto& set = static_cast<const SetStmt&>(stmt);
      SQ_CHECK(check_target(*set.target, frame));
      SQ_TRY(const Value value, eval(*set.value, frame));
      return assign(*set.target, value, frame);
    }
    case StmtKind::kSetBlock: return run_set_block(static_cast<const SetBlockStmt&>(stmt), frame);
    case StmtKind::kMacro: {
      const auto& macro = static_cast<const MacroStmt&>(stmt);
      frame->set(macro.name, make_macro(macro, frame));
      return {};
    }
    case StmtKind::kCallBlock: return run_call_block(static_cast<const CallBlockStmt&>(stmt), frame);
    case StmtKind::kFilterBlock: return run_filter_block(static_cast<const FilterBlockStmt&>(stmt), frame);
    case StmtKind::kBlock: {
      SQ_TRY(const Value text, render_block(static_cast<const BlockStmt&>(stmt)));
      return append(text.as_string());
    }
    case StmtKind::kAutoescape: return run_autoescape(static_cast<const AutoescapeStmt&>(stmt), frame);
    case StmtKind::kLoad: return run_load(static_cast<const LoadStmt&>(stmt), frame);
  }
  return {};
}

Status Evaluator::append(std::string_view text) {
  SQ_CHECK(rt_.charge_text(out_.size() + text.size() > kTextBytesMax ? out_.size() + text.size() : text.size()));
  out_ += text;
  return {};
}

Status Evaluator::run_output(const OutputStmt& stmt, const FramePtr& frame) {
  SQ_TRY(const Value value, eval(*stmt.value, frame));
  switch (value.kind()) {
    case Kind::kString:
      if (!rt_.autoescape) return append(value.as_string());
      break;
    case Kind::kNull: return append("None");
    case Kind::kBool: return append(value.as_bool() ? "True" : "False");
    case Kind::kInt: {
      std::array<char, 24> digits;
      const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value.as_int());
      return append(std::string_view(digits.data(), static_cast<size_t>(end - digits.data())));
    }
    default: break;
  }
  SQ_TRY(const std::string text, rt_.str(value));
  return append(rt_.autoescape && value.kind() != Kind::kMarkup ? py::html_escape(text) : text);
}

// --- Loops ------------------------------------------------------------------------------------------------------

Status Evaluator::run_for(const ForStmt& loop, const FramePtr& frame) {
  SQ_TRY(const Value iterable, eval(*loop.iterable, frame));
  if (loop.recursive) {
    captured_frames_.push_back(owned(frame));
    const FramePtr kept = captured_frames_.back();
    return run_loop(loop, kept, iterable, 0);
  }
  return run_loop(loop, frame, iterable, 0);
}

// The elements that the loop's own condition lets through, lazily as Jinja does it.
Result<Cursor> Evaluator::filtered(const ForStmt& loop, const FramePtr& frame, const Value& iterable) {
  SQ_TRY(Cursor cursor, rt_.iterate(iterable));
  if (loop.test == nullptr) return cursor;
  return [this, &loop, frame, cursor = std::move(cursor)](Value& out) mutable -> Result<bool> {
    while (true) {
      SQ_TRY(const bool more, cursor(out));
      if (!more) return false;
      const FramePtr inner = std::make_shared<Frame>(frame);
      SQ_CHECK(assign(*loop.target, out, inner));
      SQ_TRY(const Value wanted, eval(*loop.test, inner));
      SQ_TRY(const bool pass, rt_.truthy(wanted));
      if (pass) return true;
    }
  };
}

Status Evaluator::run_loop(const ForStmt& loop, const FramePtr& frame, const Value& iterable, int64_t depth) {
  SQ_CHECK(rt_.charge(kLoopSteps));
  SQ_TRY(Cursor cursor, filtered(loop, frame, iterable));
  auto context =
      std::make_shared<LoopContext>(*this, loop, frame, loop.test ? Value() : iterable, std::move(cursor), depth);
  const Value context_value = rt_.track(Value::object(context));
  bool any = false;
  Value item;
  FramePtr inner;
  while (true) {
    SQ_TRY(const bool more, context->advance(item));
    if (!more) break;
    SQ_CHECK(rt_.charge(2));
    any = true;
    // A frame that no macro kept serves the next round too.
    if (inner == nullptr || inner.use_count() > 1) inner = std::make_shared<Frame>(frame);
    inner->names.clear();
    inner->names.emplace_back("loop", context_value);
    SQ_CHECK(assign(*loop.target, item, inner));
    if (hidden_ != nullptr) hide(loop.body, *inner);
    SQ_CHECK(run(loop.body, inner));
  }
  return any ? Status() : run(loop.otherwise, new_frame(loop.otherwise, frame));
}

Result<Value> Evaluator::recurse(const ForStmt& loop, const FramePtr& frame, const Value& iterable, int64_t depth) {
  std::string outer;
  outer.swap(out_);
  Status status = run_loop(loop, frame, iterable, depth);
  outer.swap(out_);
  if (!status) return fail(status.error());
  return captured(std::move(outer));
}

// --- Blocks of statements -----------------------------------------------------------------------------------------

Status Evaluator::run_if(const IfStmt& stmt, const FramePtr& frame) {
  for (const auto& [test, body] : stmt.branches) {
    SQ_TRY(const Value value, eval(*test, frame));
    SQ_TRY(const bool yes, rt_.truthy(value));
    if (yes) return run(body, frame);
  }
  return run(stmt.otherwise, frame);
}

Status Evaluator::run_with(const WithStmt& stmt, const FramePtr& frame) {
  const FramePtr inner = std::make_shared<Frame>(frame);
  for (const auto& [target, expr] : stmt.bindings) {
    SQ_TRY(const Value value, eval(*expr, frame));
    SQ_CHECK(assign(*target, value, inner));
  }
  hide(stmt.body, *inner);
  return run(stmt.body, inner);
}

Result<std::string> Evaluator::capture(const Body& body, const FramePtr& frame) {
  std::string outer;
  outer.swap(out_);
  Status status = run(body, frame);
  outer.swap(out_);
  if (!status) return fail(status.error());
  return outer;
}

Value Evaluator::captured(std::string text) const {
  return rt_.autoescape ? Value::markup(std::move(text)) : Value(std::move(text));
}

Status Evaluator::run_set_block(const SetBlockStmt& stmt, const FramePtr& frame) {
  const FramePtr inner = new_frame(stmt.body, frame);
  SQ_TRY(std::string text, capture(stmt.body, inner));
  Value value = captured(std::move(text));
  if (stmt.filter) {
    SQ_TRY(value, eval_filter(static_cast<const FilterExpr&>(*stmt.filter), inner, &value));
  }
  return assign(*stmt.target, value, frame);
}

Status Evaluator::run_filter_block(const FilterBlockStmt& stmt, const FramePtr& frame) {
  const FramePtr inner = new_frame(stmt.body, frame);
  SQ_TRY(std::string text, capture(stmt.body, inner));
  const Value block = captured(std::move(text));
  SQ_TRY(const Value value, eval_filter(static_cast<const FilterExpr&>(*stmt.filter), inner, &block));
  // Jinja joins what the filter gives with the text around it; it does not make text of it.
  if (value.is_string() || value.kind() == Kind::kMarkup) return append(value.as_string());
  return type_error("sequence item 0: expected str instance, " + std::string(rt_.type_name(value)) + " found");
}

Status Evaluator::run_call_block(const CallBlockStmt& stmt, const FramePtr& frame) {
  const Value caller = make_macro(*stmt.caller, frame);
  SQ_TRY(const Value value, eval_call(static_cast<const CallExpr&>(*stmt.call), frame, &caller));
  SQ_TRY(const std::string text, rt_.str(value));
  return append(text);
}

Status Evaluator::run_autoescape(const AutoescapeStmt& stmt, const FramePtr& frame) {
  const FramePtr inner = new_frame(stmt.body, frame);
  SQ_TRY(const Value value, eval(*stmt.enabled, inner));
  SQ_TRY(const bool enabled, rt_.truthy(value));
  const bool before = std::exchange(rt_.autoescape, enabled);
  Status status = run(stmt.body, inner);
  rt_.autoescape = before;
  return status;
}

Status Evaluator::run_load(const LoadStmt& stmt, const FramePtr& frame) {
  SQ_TRY([[maybe_unused]] const Value source, eval(*stmt.source, frame));
  return type_error("no loader for this environment specified");
}

const BlockStmt* Evaluator::find_block(std::string_view name) const {
  const auto found = blocks_.find(name);
  return found == blocks_.end() ? nullptr : found->second;
}

Result<Value> Evaluator::render_block(const BlockStmt& block) {
  SQ_TRY(const Nested nested, Nested::call(rt_));
  // A block sees what the template's top level has defined so far, nothing of loops around it.
  SQ_TRY(std::string text, capture(block.body, new_frame(block.body, root_)));
  return captured(std::move(text));
}

// --- Macros -----------------------------------------------------------------------------------------------------

// The outermost frame is a member, and its pointer owns nothing: who keeps a weak pointer needs one that does.
FramePtr Evaluator::owned(const FramePtr& frame) {
  if (frame.get() != &root_frame_) return frame;
  return FramePtr(&root_frame_, [](Frame*) {});
}

Value Evaluator::make_macro(const MacroStmt& macro, const FramePtr& frame) {
  captured_frames_.push_back(owned(frame));
  return make_object<Macro>(*this, macro, captured_frames_.back());
}

Result<Value> Evaluator::call_macro(const MacroStmt& macro, const FramePtr& closure, CallArguments arguments) {
  const std::string shown = "macro " + (macro.is_caller ? "None" : python::repr(Value(macro.name)));
  const auto& names = macro.signature.names;
  const FramePtr frame = std::make_shared<Frame>(closure);
  const size_t given = std::min(names.size(), arguments.positional.size());
  bool caller_found = given == names.size() && std::find(names.begin(), names.end(), "caller") != names.end();
  std::vector<size_t> missing;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i < given) {
      frame->set(names[i], arguments.positional[i]);
    } else if (const Value* value = arguments.keyword.find(names[i])) {
      frame->set(names[i], *value);
      arguments.keyword.erase(names[i]);
    } else {
      missing.push_back(i);
    }
    if (i >= given && names[i] == "caller") caller_found = true;
  }
  if (macro.uses_caller && !caller_found) {
    const Value* caller = arguments.keyword.find("caller");
    frame->set("caller", caller != nullptr && !caller->is_null() ? *caller : rt_.undefined("No caller defined"));
    arguments.keyword.erase("caller");
  }
  if (macro.uses_kwargs) {
    frame->set("kwargs", Value(arguments.keyword));
  } else if (!arguments.keyword.empty()) {
    if (arguments.keyword.find("caller") != nullptr) {
      return type_error(shown +
                        " was invoked with two values for the special caller argument. This is most likely a bug.");
    }
    return type_error(shown + " takes no keyword argument " + python::repr(Value(arguments.keyword.begin()->key)));
  }
  if (macro.uses_varargs) {
    frame->set("varargs", Value::tuple(List(arguments.positional.begin() + static_cast<ptrdiff_t>(given),
                                            arguments.positional.end())));
  } else if (arguments.positional.size() > names.size()) {
    return type_error(shown + " takes not more than " + std::to_string(names.size()) + " argument(s)");
  }
  // Defaults see the parameters before them.
  const size_t without_default = names.size() - macro.signature.defaults.size();
  for (const size_t i : missing) {
    if (i < without_default) {
      frame->set(names[i], rt_.undefined("parameter " + python::repr(Value(names[i])) + " was not provided"));
      continue;
    }
    SQ_TRY(Value value, eval(*macro.signature.defaults[i - without_default], frame));
    frame->set(names[i], std::move(value));
  }
  hide(macro.body, *frame);
  SQ_TRY(std::string text, capture(macro.body, frame));
  return captured(std::move(text));
}

// --- Assignment -------------------------------------------------------------------------------------------------

// `ns.a = value` asks for a namespace before it evaluates the value.
Status Evaluator::check_target(const Expr& target, const FramePtr& frame) {
  if (target.kind == ExprKind::kTuple) {
    for (const ExprPtr& item : static_cast<const SequenceExpr&>(target).items) SQ_CHECK(check_target(*item, frame));
  }
  if (target.kind != ExprKind::kNamespaceRef) return {};
  SQ_TRY([[maybe_unused]] const Namespace* names, namespace_of(static_cast<const NamespaceRefExpr&>(target), frame));
  return {};
}

Result<const Namespace*> Evaluator::namespace_of(const NamespaceRefExpr& reference, const FramePtr& frame) {
  const Value* found = frame->find(reference.name);
  if (found == nullptr) found = rt_.scope().find(reference.name);
  const auto* names = found != nullptr ? as_object_of<Namespace>(*found) : nullptr;
  if (names == nullptr) return raise("TemplateRuntimeError", "cannot assign attribute on non-namespace object");
  return names;
}

Status Evaluator::assign(const Expr& target, const Value& value, const FramePtr& frame) {
  if (target.kind == ExprKind::kName) {
    frame->set(static_cast<const NameExpr&>(target).name, value);
    return {};
  }
  if (target.kind == ExprKind::kTuple) return unpack(static_cast<const SequenceExpr&>(target), value, frame);
  const auto& reference = static_cast<const NamespaceRefExpr&>(target);
  SQ_TRY(const Namespace* names, namespace_of(reference, frame));
  names->set(reference.attribute, value);
  return {};
}

Status Evaluator::unpack(const SequenceExpr& targets, const Value& value, const FramePtr& frame) {
  if (!rt_.is_iterable(value) && !is_undefined(value)) {
    return type_error("cannot unpack non-iterable " + std::string(rt_.type_name(value)) + " object");
  }
  SQ_TRY(const List items, rt_.to_list(value));
  const size_t wanted = targets.items.size();
  if (items.size() > wanted) {
    return py::value_error("too many values to unpack (expected " + std::to_string(wanted) + ")");
  }
  if (items.size() < wanted) {
    return py::value_error("not enough values to unpack (expected " + std::to_string(wanted) + ", got " +
                           std::to_string(items.size()) + ")");
  }
  for (size_t i = 0; i < wanted; ++i) SQ_CHECK(assign(*targets.items[i], items[i], frame));
  return {};
}

}  // namespace squall::expr::jinja
