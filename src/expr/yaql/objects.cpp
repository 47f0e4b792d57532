#include "expr/yaql/objects.hpp"

#include <algorithm>

#include "expr/python/sort.hpp"
#include "expr/yaql/runtime.hpp"
#include "value/python.hpp"

namespace squall::expr::yaql {

std::string_view MapView::type_name() const {
  const bool frozen = dict.is_dict() || (as<PyMap>(dict) != nullptr && as<PyMap>(dict)->frozen);
  switch (part) {
    case Part::kKeys: return frozen ? "KeysView" : "dict_keys";
    case Part::kValues: return frozen ? "ValuesView" : "dict_values";
    case Part::kItems: break;
  }
  return frozen ? "ItemsView" : "dict_items";
}

Result<bool> Iterator::next(Runtime& rt, Value& out) const {
  if (!next_) return false;
  SQ_CHECK(rt.charge());
  Result<bool> more = next_(rt, out);
  if (!more || !*more) next_ = nullptr;
  return more;
}

Result<bool> Memory::at(Runtime& rt, size_t index, Value& out) const {
  const auto* source = as<Iterator>(source_);
  while (seen_.size() <= index) {
    Value item;
    SQ_TRY(const bool more, source->next(rt, item));
    if (!more) return false;
    SQ_CHECK(rt.charge_elements(1));
    seen_.push_back(std::move(item));
  }
  out = seen_[index];
  return true;
}

namespace {

constexpr uint64_t kCompareSteps = 6;  // of a sort, besides what the selectors do

}  // namespace

Result<int> Ordering::compare(Runtime& rt, const Value& left, const Value& right) const {
  SQ_CHECK(rt.charge(kCompareSteps));
  for (const Key& key : keys_) {
    SQ_TRY(const Value a, rt.call_lambda(*key.selector, {left}));
    SQ_TRY(const Value b, rt.call_lambda(*key.selector, {right}));
    SQ_TRY(const Value less, rt.call_operator("#operator_<", a, b, key.selector->context));
    if (less.truthy()) return key.ascending ? -1 : 1;
    SQ_TRY(const Value greater, rt.call_operator("#operator_>", a, b, key.selector->context));
    if (greater.truthy()) return key.ascending ? 1 : -1;
  }
  return 0;
}

Result<const List*> Ordering::sorted(Runtime& rt) const {
  if (!done_) {
    SQ_TRY(List items, rt.to_list(source_));
    SQ_CHECK(py::sort(items, [&](const Value& a, const Value& b) -> Result<bool> {
      SQ_TRY(const int order, compare(rt, a, b));
      return order < 0;
    }));
    items_ = std::move(items);
    done_ = true;
  }
  return &items_;
}

namespace {

// Flags that the pattern itself sets at its start: "(?i)".
std::string_view inline_flags(std::string_view pattern) {
  if (!pattern.starts_with("(?")) return {};
  const size_t end = pattern.find_first_not_of("aimsux", 2);
  return end != std::string_view::npos && pattern[end] == ')' ? pattern.substr(2, end - 2) : std::string_view();
}

}  // namespace

std::string Pattern::repr() const {
  std::string text = "re.compile(" + python::repr(Value(regex.pattern()));
  std::string names;
  const auto add = [&](bool on, std::string_view name) {
    if (!on) return;
    if (!names.empty()) names += '|';
    names += name;
  };
  const std::string_view own = inline_flags(regex.pattern());
  const auto has = [&](char flag) { return own.find(flag) != std::string_view::npos; };
  add(flags.ignore_case || has('i'), "re.IGNORECASE");
  add(flags.multi_line || has('m'), "re.MULTILINE");
  add(flags.dot_all || has('s'), "re.DOTALL");
  add(has('x'), "re.VERBOSE");
  add(has('a'), "re.ASCII");
  if (!names.empty()) text += ", " + names;
  return text + ")";
}

// --- Dicts
// ------------------------------------------------------------------------------------------------------------

std::optional<MapRef> MapRef::of(const Value& value) {
  MapRef ref;
  if (value.is_dict()) {
    ref.dict_ = &value.as_dict();
    return ref;
  }
  ref.map_ = as<PyMap>(value);
  if (ref.map_ == nullptr) return std::nullopt;
  ref.dict_ = ref.map_->plain.get();
  return ref;
}

Value MapRef::key(size_t index) const {
  return dict_ != nullptr ? Value((dict_->begin() + static_cast<std::ptrdiff_t>(index))->key)
                          : map_->entries[index].first;
}

const Value& MapRef::value(size_t index) const {
  return dict_ != nullptr ? (dict_->begin() + static_cast<std::ptrdiff_t>(index))->value : map_->entries[index].second;
}

Result<const Value*> MapRef::find(Runtime& rt, const Value& key) const {
  if (Runtime::is_text(key) && dict_ != nullptr) return dict_->find(key.as_string());
  SQ_TRY(const uint64_t hash, rt.hash(key));
  if (dict_ != nullptr) return nullptr;
  const auto [first, last] = map_->index.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    SQ_TRY(const bool same, rt.equal(map_->entries[it->second].first, key));
    if (same) return &map_->entries[it->second].second;
  }
  return nullptr;
}

Status MapBuilder::to_entries() {
  is_plain_ = false;
  for (const auto& [key, value] : plain_) {
    SQ_TRY(const uint64_t hash, rt_.hash(Value(key)));
    index_.emplace(hash, entries_.size());
    entries_.emplace_back(Value(key), value);
  }
  plain_ = Dict();
  return {};
}

Result<size_t> MapBuilder::find(const Value& key, uint64_t hash) const {
  const auto [first, last] = index_.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    SQ_TRY(const bool same, rt_.equal(entries_[it->second].first, key));
    if (same) return it->second;
  }
  return entries_.size();
}

Status MapBuilder::set(const Value& key, Value value) {
  SQ_CHECK(rt_.charge_elements(1));
  if (is_plain_ && key.is_string()) {
    plain_.set(key.as_string(), std::move(value));
    return {};
  }
  SQ_TRY(const uint64_t hash, rt_.hash(key));
  if (is_plain_) SQ_CHECK(to_entries());
  SQ_TRY(const size_t at, find(key, hash));
  if (at < entries_.size()) {
    entries_[at].second = std::move(value);
    return {};
  }
  index_.emplace(hash, entries_.size());
  entries_.emplace_back(key, std::move(value));
  return {};
}

Status MapBuilder::merge(const MapRef& other) {
  if (is_plain_ && plain_.empty() && other.plain() != nullptr) {
    SQ_CHECK(rt_.charge_elements(other.size()));
    plain_ = *other.plain();
    return {};
  }
  for (size_t i = 0; i < other.size(); ++i) SQ_CHECK(set(other.key(i), other.value(i)));
  return {};
}

Status MapBuilder::erase(const Value& key) {
  // dict.pop() of an empty dict does not look at the key.
  if (is_plain_ ? plain_.empty() : entries_.empty()) return {};
  SQ_TRY(const uint64_t hash, rt_.hash(key));
  if (is_plain_) {
    if (key.is_string()) plain_.erase(key.as_string());
    return {};
  }
  SQ_TRY(const size_t at, find(key, hash));
  if (at == entries_.size()) return {};
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at));
  index_.clear();
  for (size_t i = 0; i < entries_.size(); ++i) {
    SQ_TRY(const uint64_t other, rt_.hash(entries_[i].first));
    index_.emplace(other, i);
  }
  return {};
}

Value MapBuilder::finish(bool frozen) {
  if (is_plain_ && frozen) return Value(std::move(plain_));
  auto map = std::make_shared<PyMap>();
  map->frozen = frozen;
  if (is_plain_) {
    map->plain = std::make_shared<const Dict>(std::move(plain_));
  } else {
    map->entries = std::move(entries_);
    map->index = std::move(index_);
  }
  return Value::object(std::move(map));
}

// --- Sets
// -------------------------------------------------------------------------------------------------------------

Result<bool> SetBuilder::add(const Value& item) {
  SQ_CHECK(rt_.charge_elements(1));
  SQ_TRY(const uint64_t hash, rt_.hash(item));
  const auto [first, last] = set_->index.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    SQ_TRY(const bool same, rt_.equal(set_->items[it->second], item));
    if (same) return false;
  }
  set_->index.emplace(hash, set_->items.size());
  set_->items.push_back(item);
  return true;
}

Value SetBuilder::finish() {
  List ordered = set_->items;
  order_like_python(ordered);
  set_->items = std::move(ordered);
  set_->index.clear();
  for (size_t i = 0; i < set_->items.size(); ++i) {
    const auto hash = rt_.hash(set_->items[i]);
    if (hash) set_->index.emplace(*hash, i);
  }
  return Value::object(set_);
}

namespace {

// CPython's set: open addressing with short linear probes, grown to four times the used places when three fifths full.
class HashTable {
 public:
  HashTable() : slots_(8, kFree) {}

  void insert(size_t item, uint64_t hash) {
    place(item, hash);
    hashes_.push_back(hash);
    const size_t used = hashes_.size();
    if (used * 5 < (slots_.size() - 1) * 3) return;
    const size_t wanted = used > 50'000 ? used * 2 : used * 4;
    size_t size = 8;
    while (size <= wanted) size <<= 1;
    const std::vector<size_t> old = std::move(slots_);
    slots_.assign(size, kFree);
    for (const size_t slot : old) {
      if (slot != kFree) place(slot, hashes_[slot]);
    }
  }

  const std::vector<size_t>& slots() const { return slots_; }
  static constexpr size_t kFree = static_cast<size_t>(-1);

 private:
  void place(size_t item, uint64_t hash) {
    constexpr size_t kLinearProbes = 9;
    const size_t mask = slots_.size() - 1;
    uint64_t perturb = hash;
    size_t at = hash & mask;
    for (;;) {
      const size_t last = at + kLinearProbes <= mask ? at + kLinearProbes : at;
      for (size_t probe = at; probe <= last; ++probe) {
        if (slots_[probe] != kFree) continue;
        slots_[probe] = item;
        return;
      }
      perturb >>= 5;
      at = (at * 5 + 1 + perturb) & mask;
    }
  }

  std::vector<size_t> slots_;
  std::vector<uint64_t> hashes_;
};

// hash() of small integers, which is the number itself but for -1.
std::optional<uint64_t> small_hash(const Value& value) {
  int64_t number = 0;
  if (value.is_bool()) {
    number = value.as_bool() ? 1 : 0;
  } else if (value.kind() == Kind::kInt) {
    number = value.as_int();
  } else if (value.is_double() && value.as_double() == static_cast<double>(static_cast<int32_t>(value.as_double()))) {
    number = static_cast<int64_t>(value.as_double());
  } else {
    return std::nullopt;
  }
  constexpr int64_t kModulus = (int64_t{1} << 61) - 1;
  if (number >= kModulus || number <= -kModulus) return std::nullopt;
  return static_cast<uint64_t>(number == -1 ? -2 : number);
}

}  // namespace

void order_like_python(List& items) {
  HashTable table;
  for (size_t i = 0; i < items.size(); ++i) {
    const auto hash = small_hash(items[i]);
    if (!hash) return;  // text hashes differ from one Python to the next: any order is as good
    table.insert(i, *hash);
  }
  List ordered;
  ordered.reserve(items.size());
  for (const size_t slot : table.slots()) {
    if (slot != HashTable::kFree) ordered.push_back(std::move(items[slot]));
  }
  items = std::move(ordered);
}

}  // namespace squall::expr::yaql
