#include "value/value.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <functional>
#include <limits>
#include <memory>

#include "base/assert.hpp"
#include "base/limits.hpp"

namespace squall {

struct Value::Heap {
  mutable std::atomic<uint32_t> references{1};
};

template <typename T>
struct Value::HeapOf : Value::Heap {
  explicit HeapOf(T made) : content(std::move(made)) {}
  T content;
};

namespace {

const Value& shared_null() {
  static const Value null;
  return null;
}

bool is_sequence(Kind kind) { return kind == Kind::kList || kind == Kind::kTuple || kind == Kind::kSet; }
bool is_text(Kind kind) {
  return kind == Kind::kString || kind == Kind::kMarkup || kind == Kind::kBytes || kind == Kind::kBigInt ||
         kind == Kind::kUndefined;
}

}  // namespace

template <typename T>
Value Value::make(Kind kind, T content) {
  return Value(kind, new HeapOf<T>(std::move(content)));
}

template <typename T>
const T& Value::content() const noexcept {
  return static_cast<const HeapOf<T>*>(payload_.heap)->content;
}

template <typename T>
T& Value::unique_content() {
  auto* heap = static_cast<HeapOf<T>*>(payload_.heap);
  if (heap->references.load(std::memory_order_acquire) != 1) {
    *this = make<T>(kind_, T(heap->content));
    heap = static_cast<HeapOf<T>*>(payload_.heap);
  }
  return heap->content;
}

Value::Value(unsigned long v) noexcept : kind_(Kind::kInt) {
  if (v > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) kind_ = Kind::kUInt;
  payload_.natural = v;
}
Value::Value(unsigned long long v) noexcept : Value(static_cast<unsigned long>(v)) {}
Value::Value(std::string_view text) : Value(make<std::string>(Kind::kString, std::string(text))) {}
Value::Value(std::string&& text) : Value(make<std::string>(Kind::kString, std::move(text))) {}
Value::Value(List list) : Value(make<List>(Kind::kList, std::move(list))) {}
Value::Value(Dict dict) : Value(make<Dict>(Kind::kDict, std::move(dict))) {}

Value Value::list(std::initializer_list<Value> items) { return Value(List(items)); }
Value Value::dict(std::initializer_list<std::pair<std::string_view, Value>> items) {
  Dict dict;
  dict.reserve(items.size());
  for (const auto& [key, value] : items) dict.set(key, value);
  return Value(std::move(dict));
}
Value Value::empty_list() { return Value(List()); }
Value Value::empty_dict() { return Value(Dict()); }
Value Value::big_int(std::string decimal) { return make<std::string>(Kind::kBigInt, std::move(decimal)); }
Value Value::bytes(std::string bytes) { return make<std::string>(Kind::kBytes, std::move(bytes)); }
Value Value::tuple(List items) { return make<List>(Kind::kTuple, std::move(items)); }
Value Value::set(List items) { return make<List>(Kind::kSet, std::move(items)); }
Value Value::date_time(DateTime time) { return make<DateTime>(Kind::kDateTime, time); }
Value Value::date(int32_t days) {
  Value value;
  value.kind_ = Kind::kDate;
  value.payload_.integer = days;
  return value;
}
Value Value::time_delta(int64_t micros) {
  Value value;
  value.kind_ = Kind::kTimeDelta;
  value.payload_.integer = micros;
  return value;
}
Value Value::markup(std::string text) { return make<std::string>(Kind::kMarkup, std::move(text)); }
Value Value::undefined(std::string hint) { return make<std::string>(Kind::kUndefined, std::move(hint)); }
Value Value::object(std::shared_ptr<const Object> object) {
  SQ_ASSERT(object != nullptr);
  return make<std::shared_ptr<const Object>>(Kind::kObject, std::move(object));
}

void Value::retain() const noexcept {
  if (on_heap(kind_)) payload_.heap->references.fetch_add(1, std::memory_order_relaxed);
}

void Value::release() noexcept {
  if (!on_heap(kind_)) return;
  // The last holder need not tell anybody else.
  if (payload_.heap->references.load(std::memory_order_acquire) == 1 ||
      payload_.heap->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    destroy(kind_, payload_.heap);
  }
}

// Containers free what lies in them, so a deep value would need a deep stack. Below kDestroyDepth the rest waits until
// the stack is free again.
void Value::destroy(Kind kind, Heap* heap) noexcept {
  if (is_text(kind)) return destroy_now(kind, heap);
  constexpr int kDestroyDepth = 100;
  thread_local int depth = 0;
  // Made only when needed and freed at once: nothing is left for the end of the thread.
  thread_local std::vector<std::pair<Kind, Heap*>>* waiting = nullptr;
  if (depth == kDestroyDepth) {
    if (waiting == nullptr) waiting = new std::vector<std::pair<Kind, Heap*>>;
    waiting->emplace_back(kind, heap);
    return;
  }
  ++depth;
  destroy_now(kind, heap);
  while (depth == 1 && waiting != nullptr) {
    const std::unique_ptr<std::vector<std::pair<Kind, Heap*>>> batch(std::exchange(waiting, nullptr));
    for (const auto& [each_kind, each_heap] : *batch) destroy_now(each_kind, each_heap);
  }
  --depth;
}

void Value::destroy_now(Kind kind, Heap* heap) noexcept {
  if (is_text(kind)) {
    delete static_cast<HeapOf<std::string>*>(heap);
  } else if (is_sequence(kind)) {
    delete static_cast<HeapOf<List>*>(heap);
  } else if (kind == Kind::kDict) {
    delete static_cast<HeapOf<Dict>*>(heap);
  } else if (kind == Kind::kDateTime) {
    delete static_cast<HeapOf<DateTime>*>(heap);
  } else {
    delete static_cast<HeapOf<std::shared_ptr<const Object>>*>(heap);
  }
}

bool Value::as_bool() const {
  SQ_ASSERT(kind_ == Kind::kBool);
  return payload_.integer != 0;
}
int64_t Value::as_int() const {
  SQ_ASSERT(kind_ == Kind::kInt);
  return payload_.integer;
}
uint64_t Value::as_uint() const {
  SQ_ASSERT(kind_ == Kind::kUInt || (kind_ == Kind::kInt && payload_.integer >= 0));
  return payload_.natural;
}
double Value::as_double() const {
  if (kind_ == Kind::kInt) return static_cast<double>(payload_.integer);
  if (kind_ == Kind::kUInt) return static_cast<double>(payload_.natural);
  SQ_ASSERT(kind_ == Kind::kDouble);
  return payload_.real;
}
std::string_view Value::as_string() const {
  SQ_ASSERT(is_text(kind_));
  return content<std::string>();
}
const List& Value::as_list() const {
  SQ_ASSERT(is_sequence(kind_));
  return content<List>();
}
const Dict& Value::as_dict() const {
  SQ_ASSERT(kind_ == Kind::kDict);
  return content<Dict>();
}
DateTime Value::as_date_time() const {
  SQ_ASSERT(kind_ == Kind::kDateTime);
  return content<DateTime>();
}
int32_t Value::as_date() const {
  SQ_ASSERT(kind_ == Kind::kDate);
  return static_cast<int32_t>(payload_.integer);
}
int64_t Value::as_time_delta() const {
  SQ_ASSERT(kind_ == Kind::kTimeDelta);
  return payload_.integer;
}
const std::shared_ptr<const Object>& Value::as_object() const {
  SQ_ASSERT(kind_ == Kind::kObject);
  return content<std::shared_ptr<const Object>>();
}

std::string_view Value::string_or(std::string_view fallback) const noexcept {
  return kind_ == Kind::kString ? std::string_view(content<std::string>()) : fallback;
}
int64_t Value::int_or(int64_t fallback) const noexcept { return kind_ == Kind::kInt ? payload_.integer : fallback; }
double Value::double_or(double fallback) const noexcept {
  return kind_ == Kind::kDouble || is_int() ? as_double() : fallback;
}
bool Value::bool_or(bool fallback) const noexcept { return kind_ == Kind::kBool ? payload_.integer != 0 : fallback; }

const Value& Value::operator[](std::string_view key) const noexcept {
  if (kind_ != Kind::kDict) return shared_null();
  const Value* found = content<Dict>().find(key);
  return found != nullptr ? *found : shared_null();
}

const Value& Value::operator[](size_t index) const noexcept {
  if (!is_sequence(kind_) || index >= content<List>().size()) return shared_null();
  return content<List>()[index];
}

bool Value::contains(std::string_view key) const noexcept {
  return kind_ == Kind::kDict && content<Dict>().find(key) != nullptr;
}

size_t Value::size() const noexcept {
  if (is_text(kind_)) return content<std::string>().size();
  if (is_sequence(kind_)) return content<List>().size();
  return kind_ == Kind::kDict ? content<Dict>().size() : 0;
}

const Value& Value::at_path(std::string_view dotted) const noexcept {
  const Value* at = this;
  while (!dotted.empty()) {
    const size_t dot = dotted.find('.');
    const std::string_view step = dotted.substr(0, dot);
    dotted = dot == std::string_view::npos ? std::string_view() : dotted.substr(dot + 1);
    if (is_sequence(at->kind_)) {
      size_t index = 0;
      const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
      if (error != std::errc() || end != step.data() + step.size()) return shared_null();
      at = &(*at)[index];
    } else {
      at = &(*at)[step];
    }
  }
  return *at;
}

List& Value::mut_list() {
  if (is_null()) *this = empty_list();
  SQ_ASSERT(kind_ == Kind::kList);
  return unique_content<List>();
}

Dict& Value::mut_dict() {
  if (is_null()) *this = empty_dict();
  SQ_ASSERT(kind_ == Kind::kDict);
  return unique_content<Dict>();
}

void Value::set(std::string_view key, Value value) { mut_dict().set(key, std::move(value)); }
void Value::erase(std::string_view key) {
  if (contains(key)) mut_dict().erase(key);
}
void Value::push_back(Value value) { mut_list().push_back(std::move(value)); }

namespace {

bool numbers_equal(const Value& a, const Value& b) noexcept {
  if (a.kind() == b.kind()) {
    if (a.kind() == Kind::kInt) return a.as_int() == b.as_int();
    if (a.kind() == Kind::kUInt) return a.as_uint() == b.as_uint();
    if (a.kind() == Kind::kBigInt) return a.as_string() == b.as_string();
    return a.as_double() == b.as_double();
  }
  if (a.kind() == Kind::kBigInt || b.kind() == Kind::kBigInt) return false;
  if (a.is_int() && b.is_int()) return false;  // kInt and kUInt never overlap
  const double real = a.is_double() ? a.as_double() : b.as_double();
  const Value& integer = a.is_double() ? b : a;
  // Exact: 2^53 + 1 is not 2^53 as a double.
  if (integer.kind() == Kind::kInt) {
    return real >= -9223372036854775808.0 && real < 9223372036854775808.0 &&
           static_cast<double>(static_cast<int64_t>(real)) == real && static_cast<int64_t>(real) == integer.as_int();
  }
  return real >= 0 && real < 18446744073709551616.0 && static_cast<double>(static_cast<uint64_t>(real)) == real &&
         static_cast<uint64_t>(real) == integer.as_uint();
}

}  // namespace

bool operator==(const Value& a, const Value& b) noexcept { return Value::equal(a, b, 0); }

bool Value::equal(const Value& a, const Value& b, size_t depth) noexcept {
  if (a.is_number() && b.is_number()) return numbers_equal(a, b);
  if (a.kind_ != b.kind_) return false;
  if (a.same_storage(b)) return true;
  if (depth > limits::kJsonDepthMax) return false;
  switch (a.kind_) {
    case Kind::kNull: return true;
    case Kind::kBool:
    case Kind::kDate:
    case Kind::kTimeDelta: return a.payload_.integer == b.payload_.integer;
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kMarkup:
    case Kind::kUndefined: return a.content<std::string>() == b.content<std::string>();
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kSet: {
      const List& x = a.content<List>();
      const List& y = b.content<List>();
      return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                        [depth](const Value& item, const Value& other) { return equal(item, other, depth + 1); });
    }
    case Kind::kDict: {
      const Dict& x = a.content<Dict>();
      const Dict& y = b.content<Dict>();
      return x.size() == y.size() && std::all_of(x.begin(), x.end(), [&](const Dict::Entry& entry) {
               const Value* other = y.find(entry.key);
               return other != nullptr && equal(entry.value, *other, depth + 1);
             });
    }
    case Kind::kDateTime: return a.content<DateTime>() == b.content<DateTime>();
    default: return false;
  }
}

bool Value::same_storage(const Value& other) const noexcept {
  return kind_ == other.kind_ && on_heap(kind_) && payload_.heap == other.payload_.heap;
}

bool Value::truthy() const noexcept {
  switch (kind_) {
    case Kind::kNull:
    case Kind::kUndefined: return false;
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kUInt:
    case Kind::kTimeDelta: return payload_.integer != 0;
    case Kind::kDouble: return payload_.real != 0;
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kMarkup:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kSet:
    case Kind::kDict: return size() != 0;
    default: return true;
  }
}

std::string_view Value::type_name() const noexcept {
  switch (kind_) {
    case Kind::kNull: return "NoneType";
    case Kind::kBool: return "bool";
    case Kind::kInt:
    case Kind::kUInt:
    case Kind::kBigInt: return "int";
    case Kind::kDouble: return "float";
    case Kind::kString: return "str";
    case Kind::kList: return "list";
    case Kind::kDict: return "dict";
    case Kind::kBytes: return "bytes";
    case Kind::kTuple: return "tuple";
    case Kind::kSet: return "set";
    case Kind::kDateTime: return "datetime";
    case Kind::kDate: return "date";
    case Kind::kTimeDelta: return "timedelta";
    case Kind::kMarkup: return "Markup";
    case Kind::kUndefined: return "Undefined";
    case Kind::kObject: return as_object()->type_name();
  }
  return "object";
}

std::string_view Value::json_type_name() const noexcept {
  switch (kind_) {
    case Kind::kNull: return "null";
    case Kind::kBool: return "boolean";
    case Kind::kInt:
    case Kind::kUInt:
    case Kind::kBigInt: return "integer";
    case Kind::kDouble: return "number";
    case Kind::kString:
    case Kind::kMarkup:
    case Kind::kBytes: return "string";
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kSet: return "array";
    case Kind::kDict: return "object";
    default: return type_name();
  }
}

size_t Dict::find_index(std::string_view key) const noexcept {
  if (index_.empty()) {
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].key == key) return i;
    }
    return entries_.size();
  }
  const size_t mask = index_.size() - 1;
  for (size_t slot = std::hash<std::string_view>()(key) & mask;; slot = (slot + 1) & mask) {
    if (index_[slot] == 0) return entries_.size();
    if (entries_[index_[slot] - 1].key == key) return index_[slot] - 1;
  }
}

void Dict::insert_into_index(size_t entry) {
  const size_t mask = index_.size() - 1;
  size_t slot = std::hash<std::string_view>()(entries_[entry].key) & mask;
  while (index_[slot] != 0) slot = (slot + 1) & mask;
  index_[slot] = static_cast<uint32_t>(entry + 1);
}

void Dict::rebuild_index() {
  index_.clear();
  if (entries_.size() <= kIndexAbove) return;
  size_t slots = 4 * kIndexAbove;
  while (slots < entries_.size() * 3) slots *= 2;
  index_.assign(slots, 0);
  for (size_t i = 0; i < entries_.size(); ++i) insert_into_index(i);
}

const Value* Dict::find(std::string_view key) const noexcept {
  const size_t at = find_index(key);
  return at < entries_.size() ? &entries_[at].value : nullptr;
}

Value* Dict::find_mutable(std::string_view key) noexcept {
  const size_t at = find_index(key);
  return at < entries_.size() ? &entries_[at].value : nullptr;
}

void Dict::set(std::string_view key, Value value) { (*this)[key] = std::move(value); }

Value& Dict::operator[](std::string_view key) {
  const size_t at = find_index(key);
  if (at < entries_.size()) return entries_[at].value;
  entries_.push_back({std::string(key), Value()});
  if (index_.empty() ? entries_.size() > kIndexAbove : entries_.size() * 2 > index_.size()) {
    rebuild_index();
  } else if (!index_.empty()) {
    insert_into_index(at);
  }
  return entries_.back().value;
}

bool Dict::erase(std::string_view key) {
  const size_t at = find_index(key);
  if (at == entries_.size()) return false;
  entries_.erase(entries_.begin() + static_cast<ptrdiff_t>(at));
  rebuild_index();
  return true;
}

}  // namespace squall
