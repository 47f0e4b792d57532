#include "expr/jinja/template_objects.hpp"

#include "value/python.hpp"

namespace squall::expr::jinja {

using py::type_error;

// --- LoopContext --------------------------------------------------------------------------------------------------

void LoopContext::forget() const {
  before_.reset();
  current_.reset();
  after_.reset();
  last_changed_.reset();
  cursor_ = nullptr;
}

Result<bool> LoopContext::peek() const {
  if (after_) return true;
  Value next;
  SQ_TRY(const bool more, cursor_(next));
  if (more) after_ = std::move(next);
  return more;
}

Result<bool> LoopContext::advance(Value& out) const {
  SQ_TRY(const bool more, peek());
  if (!more) return false;
  before_ = std::move(current_);
  current_ = std::exchange(after_, std::nullopt);
  ++index0_;
  out = *current_;
  return true;
}

Result<int64_t> LoopContext::count(Runtime& rt) const {
  if (length_) return *length_;
  if (!loop_.test) {
    SQ_TRY(const auto length, rt.length(iterable_));
    if (length) {
      length_ = static_cast<int64_t>(*length);
      return *length_;
    }
  }
  // A generator has no length: read it to its end and go on from memory.
  List rest;
  Value item;
  while (true) {
    SQ_TRY(const bool more, cursor_(item));
    if (!more) break;
    SQ_CHECK(rt.charge());
    rest.push_back(item);
  }
  length_ = static_cast<int64_t>(rest.size()) + index0_ + 1 + (after_ ? 1 : 0);
  cursor_ = [rest = std::move(rest), at = size_t{0}](Value& out) mutable -> Result<bool> {
    if (at == rest.size()) return false;
    out = rest[at++];
    return true;
  };
  return *length_;
}

Result<std::string> LoopContext::show(Runtime& rt) const {
  SQ_TRY(const int64_t length, count(rt));
  return "<LoopContext " + std::to_string(index0_ + 1) + "/" + std::to_string(length) + ">";
}

Result<Value> LoopContext::cycle(const List& arguments) const {
  if (arguments.empty()) return type_error("no items for cycling given");
  return arguments[static_cast<size_t>(index0_) % arguments.size()];
}

Result<Value> LoopContext::changed(Runtime& rt, const List& arguments) const {
  Value now = Value::tuple(arguments);
  if (last_changed_) {
    SQ_TRY(const bool same, rt.equal(*last_changed_, now));
    if (same) return Value(false);
  }
  last_changed_ = std::move(now);
  return Value(true);
}

Value LoopContext::member_function(std::string_view name) const {
  const auto self = shared_from_this();
  const bool is_cycle = name == "cycle";
  return make_object<Function>("method", "<bound method LoopContext." + std::string(name) + ">",
                               [self, is_cycle](Runtime& rt, const CallArguments& arguments) -> Result<Value> {
                                 if (is_cycle) return self->cycle(arguments.positional);
                                 return self->changed(rt, arguments.positional);
                               });
}

Result<std::optional<Value>> LoopContext::attribute(Runtime& rt, std::string_view name) const {
  if (name == "index") return std::optional<Value>(index0_ + 1);
  if (name == "index0") return std::optional<Value>(index0_);
  if (name == "first") return std::optional<Value>(index0_ == 0);
  if (name == "depth") return std::optional<Value>(depth0_ + 1);
  if (name == "depth0") return std::optional<Value>(depth0_);
  if (name == "cycle" || name == "changed") return std::optional<Value>(member_function(name));
  if (name == "length" || name == "revindex" || name == "revindex0") {
    SQ_TRY(const int64_t length, count(rt));
    return std::optional<Value>(length - (name == "length" ? 0 : name == "revindex" ? index0_ : index0_ + 1));
  }
  if (name == "last") {
    SQ_TRY(const bool more, peek());
    return std::optional<Value>(!more);
  }
  if (name == "previtem") return std::optional(before_ ? *before_ : rt.undefined("there is no previous item"));
  if (name == "nextitem") {
    SQ_TRY(const bool more, peek());
    return std::optional(more ? *after_ : rt.undefined("there is no next item"));
  }
  return std::optional<Value>();
}

Result<Value> LoopContext::call(Runtime&, CallArguments arguments) const {
  if (!loop_.recursive) {
    return type_error("The loop must have the 'recursive' marker to be called recursively.");
  }
  if (arguments.positional.size() != 1 || !arguments.keyword.empty()) {
    return type_error("LoopContext.__call__() takes 2 positional arguments but " +
                      std::to_string(arguments.positional.size() + 1) + " were given");
  }
  const FramePtr frame = frame_.lock();
  if (frame == nullptr) return py::raise("TemplateRuntimeError", "the loop has ended");
  return evaluator_.recurse(loop_, frame, arguments.positional.front(), depth0_ + 1);
}

// --- Macro ------------------------------------------------------------------------------------------------------

Result<std::string> Macro::show(Runtime&) const {
  return macro_.is_caller ? "<Macro anonymous>" : "<Macro " + python::repr(Value(macro_.name)) + ">";
}

Result<std::optional<Value>> Macro::attribute(Runtime&, std::string_view name) const {
  if (name == "name") return std::optional<Value>(macro_.is_caller ? Value() : Value(macro_.name));
  if (name == "catch_kwargs") return std::optional<Value>(macro_.uses_kwargs);
  if (name == "catch_varargs") return std::optional<Value>(macro_.uses_varargs);
  if (name == "caller") return std::optional<Value>(macro_.uses_caller);
  if (name == "arguments") {
    List names;
    for (const std::string& argument : macro_.signature.names) names.emplace_back(argument);
    return std::optional(Value::tuple(std::move(names)));
  }
  return std::optional<Value>();
}

Result<Value> Macro::call(Runtime&, CallArguments arguments) const {
  const FramePtr closure = closure_.lock();
  if (closure == nullptr) return py::raise("TemplateRuntimeError", "the macro outlived its template");
  return evaluator_.call_macro(macro_, closure, std::move(arguments));
}

// --- self -------------------------------------------------------------------------------------------------------

Result<std::optional<Value>> TemplateReference::attribute(Runtime&, std::string_view name) const {
  const BlockStmt* block = evaluator_.find_block(name);
  if (block == nullptr) return std::optional<Value>();
  Evaluator* evaluator = &evaluator_;
  return std::optional(
      make_object<Function>("BlockReference", "<BlockReference " + python::repr(Value(name)) + ">",
                            [evaluator, block](Runtime&, const CallArguments& arguments) -> Result<Value> {
                              if (!arguments.keyword.empty()) {
                                return type_error("BlockReference.__call__() got an unexpected keyword argument " +
                                                  python::repr(Value(arguments.keyword.begin()->key)));
                              }
                              if (!arguments.positional.empty()) {
                                return type_error("BlockReference.__call__() takes 1 positional argument but " +
                                                  std::to_string(arguments.positional.size() + 1) + " were given");
                              }
                              return evaluator->render_block(*block);
                            }));
}

}  // namespace squall::expr::jinja
