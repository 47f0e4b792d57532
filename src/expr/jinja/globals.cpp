#include "expr/jinja/globals.hpp"

#include <array>

#include "expr/jinja/methods.hpp"
#include "expr/jinja/runtime.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

using py::raise;
using py::type_error;

namespace {

// The sandbox's MAX_RANGE.
constexpr size_t kRangeItemsMax = 100'000;

Result<Value> make_range(Runtime& rt, const CallArguments& arguments) {
  const List& given = arguments.positional;
  if (!arguments.keyword.empty())
    return type_error("safe_range() got an unexpected keyword argument " +
                      python::repr(Value(arguments.keyword.begin()->key)));
  if (given.empty()) return type_error("range expected at least 1 argument, got 0");
  if (given.size() > 3) return type_error("range expected at most 3 arguments, got " + std::to_string(given.size()));
  std::array<int64_t, 3> numbers{};
  for (size_t i = 0; i < given.size(); ++i) {
    if (is_undefined(given[i])) return raise_undefined(given[i]);
    SQ_TRY(numbers[i], to_index(rt, given[i]));
  }
  const int64_t start = given.size() > 1 ? numbers[0] : 0;
  const int64_t stop = given.size() > 1 ? numbers[1] : numbers[0];
  const int64_t step = given.size() > 2 ? numbers[2] : 1;
  if (step == 0) return py::value_error("range() arg 3 must not be zero");
  if (Range(start, stop, step).size() > kRangeItemsMax) {
    return raise("OverflowError", "Range too big. The sandbox blocks ranges larger than MAX_RANGE (" +
                                      std::to_string(kRangeItemsMax) + ").");
  }
  return make_object<Range>(start, stop, step);
}

// The class `dict`: callable, with fromkeys.
class DictType final : public PyObject {
 public:
  std::string_view type_name() const override { return "type"; }
  Result<std::string> show(Runtime&) const override { return std::string("<class 'dict'>"); }
  bool is_callable() const override { return true; }
  Result<Value> call(Runtime& rt, CallArguments arguments) const override { return make_dict(rt, arguments); }
  Result<std::optional<Value>> attribute(Runtime& rt, std::string_view name) const override {
    if (name == "mro") {
      return std::optional(
          make_undefined(UndefinedKind::kUnsafe, "access to attribute 'mro' of 'type' object is unsafe."));
    }
    if (name != "fromkeys") return std::optional<Value>();
    return rt.find_attribute(Value::empty_dict(), name);
  }
};

class NamespaceType final : public PyObject {
 public:
  std::string_view type_name() const override { return "type"; }
  Result<std::string> show(Runtime&) const override { return std::string("<class 'jinja2.utils.Namespace'>"); }
  bool is_callable() const override { return true; }
  Result<Value> call(Runtime& rt, CallArguments arguments) const override {
    SQ_TRY(const Value names, make_dict(rt, arguments));
    if (!names.is_dict()) return type_error("the names of a namespace must be text");
    return rt.track(make_object<Namespace>(names.as_dict()));
  }
};

class Cycler final : public PyObject {
 public:
  explicit Cycler(List items) : items_(std::move(items)) {}
  std::string_view type_name() const override { return "Cycler"; }
  std::string_view module() const override { return "jinja2.utils"; }
  Result<std::optional<Value>> attribute(Runtime&, std::string_view name) const override {
    if (name == "current") return std::optional(items_[at_]);
    if (name == "items") return std::optional(Value::tuple(items_));
    if (name == "pos") return std::optional<Value>(static_cast<int64_t>(at_));
    if (name != "next" && name != "reset") return std::optional<Value>();
    // The cycler outlives the method: the render tracks it.
    const bool is_next = name == "next";
    return std::optional(make_object<Function>("method", "<bound method Cycler." + std::string(name) + ">",
                                               [this, is_next](Runtime&, const CallArguments& given) -> Result<Value> {
                                                 if (!given.positional.empty() || !given.keyword.empty()) {
                                                   return takes_nothing(is_next ? "next" : "reset", given);
                                                 }
                                                 if (!is_next) {
                                                   at_ = 0;
                                                   return Value();
                                                 }
                                                 const Value item = items_[at_];
                                                 at_ = (at_ + 1) % items_.size();
                                                 return item;
                                               }));
  }

 private:
  static tl::unexpected<Error> takes_nothing(const std::string& name, const CallArguments& given) {
    if (given.keyword.empty()) {
      return type_error("Cycler." + name + "() takes 1 positional argument but " +
                        std::to_string(given.positional.size() + 1) + " were given");
    }
    return type_error("Cycler." + name + "() got an unexpected keyword argument " +
                      python::repr(Value(given.keyword.begin()->key)));
  }

  List items_;
  mutable size_t at_ = 0;
};

Result<Value> make_cycler(Runtime& rt, const CallArguments& arguments) {
  if (arguments.positional.empty()) return raise("RuntimeError", "at least one item has to be provided");
  return rt.track(make_object<Cycler>(arguments.positional));
}

Result<Value> make_joiner(Runtime&, const CallArguments& arguments) {
  static const Signature kSignature("Joiner: self~ sep?");
  Bound bound;
  SQ_CHECK(bind(kSignature, nullptr, arguments, bound));
  const Value separator = bound.value_or(0, Value(", "));
  return make_object<Function>("Joiner", "<jinja2.utils.Joiner object at 0x7f0000000000>",
                               [separator, used = std::make_shared<bool>(false)](Runtime&, const CallArguments&) {
                                 return Result<Value>(std::exchange(*used, true) ? separator : Value(""));
                               });
}

// Jinja's lipsum() is random; a render here is not. The text is the same each time, cut to the size asked for.
constexpr std::string_view kLipsum =
    "Lorem ipsum dolor sit amet consectetuer adipiscing elit, sed diam nonummy nibh euismod tincidunt ut laoreet "
    "dolore "
    "magna aliquam erat volutpat. Ut wisi enim ad minim veniam, quis nostrud exerci tation ullamcorper suscipit "
    "lobortis nisl ut aliquip ex ea commodo consequat.";

Result<Value> make_lipsum(Runtime& rt, const CallArguments& arguments) {
  static const Signature kSignature("generate_lorem_ipsum: n? html? min? max?");
  Bound bound;
  SQ_CHECK(bind(kSignature, nullptr, arguments, bound));
  SQ_TRY(const int64_t count, to_index(rt, bound.value_or(0, 5)));
  SQ_TRY(const bool html, rt.truthy(bound.value_or(1, true)));
  std::string text;
  for (int64_t i = 0; i < count; ++i) {
    SQ_CHECK(rt.charge_text(text.size() + kLipsum.size()));
    if (i > 0) text += html ? "\n" : "\n\n";
    text += html ? "<p>" + std::string(kLipsum) + "</p>" : std::string(kLipsum);
  }
  return html ? Value::markup(std::move(text)) : Value(std::move(text));
}

Value global_function(std::string_view name, Result<Value> (*body)(Runtime&, const CallArguments&)) {
  return make_object<Function>("function", "<function " + std::string(name) + " at 0x7f0000000000>", body);
}

}  // namespace

const Value* find_global(std::string_view name) {
  static const std::map<std::string, Value, std::less<>> kGlobals = {
      {"range", global_function("safe_range", make_range)},
      {"dict", make_object<DictType>()},
      {"namespace", make_object<NamespaceType>()},
      {"cycler", global_function("Cycler", make_cycler)},
      {"joiner", global_function("Joiner", make_joiner)},
      {"lipsum", global_function("generate_lorem_ipsum", make_lipsum)},
  };
  const auto found = kGlobals.find(name);
  return found == kGlobals.end() ? nullptr : &found->second;
}

Result<std::string> Namespace::show(Runtime& rt) const {
  SQ_TRY(const std::string names, rt.repr(Value(names_)));
  return "<Namespace " + names + ">";
}

Result<std::optional<Value>> Namespace::attribute(Runtime&, std::string_view name) const {
  const Value* found = names_.find(name);
  return found != nullptr ? std::optional(*found) : std::nullopt;
}

}  // namespace squall::expr::jinja
