// Value: the one type that JSON, YAML, expressions, the store and the API all speak.
//
// Immutable to its readers and shared by reference count: copying a Value never copies a container. A container is
// changed through the mut_*() functions, which copy it first when somebody else holds it too (copy on write). So a
// Value behaves like a plain value, and passing a workflow's whole context on costs one pointer.
//
// 16 bytes. Distinct Values may be used from any thread; one Value object must not be changed while another thread
// reads that same object.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace squall {

class Dict;
class Value;
using List = std::vector<Value>;

// Kinds from kBigInt on exist inside expressions and YAML documents only; JSON cannot hold them.
enum class Kind : uint8_t {
  kNull,
  kBool,
  kInt,   // int64
  kUInt,  // above int64's range only; smaller numbers are always kInt
  kDouble,
  kString,  // bytes, UTF-8 by convention
  kList,
  kDict,
  kBigInt,  // an integer outside 64 bits, held as decimal text
  kBytes,
  kTuple,
  kSet,
  kDateTime,  // timestamp with optional UTC offset
  kDate,
  kTimeDelta,
  kMarkup,     // Jinja's Markup: text that is already escaped
  kUndefined,  // Jinja's Undefined: carries the name that was missing
  kObject,     // anything that an engine brings along (a callable, a lazy lookup); see Object
};

// A point in time as Python's datetime has it.
struct DateTime {
  int64_t micros = 0;          // since 1970-01-01T00:00:00 of the wall clock shown, i.e. NOT shifted by the offset
  bool has_offset = false;     // false: a naive datetime
  int32_t offset_seconds = 0;  // east of UTC
  bool operator==(const DateTime&) const = default;
};

// Base of engine-specific values (callables, namespaces, lazy key-value lookups). Shared, immutable from outside.
class Object {
 public:
  virtual ~Object() = default;
  // The Python class name that a compatible engine would show, e.g. "function".
  virtual std::string_view type_name() const = 0;
  // What Python's repr() and str() show, e.g. "range(0, 3)".
  virtual std::string repr() const { return "<" + std::string(type_name()) + " object>"; }
};

class Value {
 public:
  Value() noexcept : kind_(Kind::kNull) { payload_.integer = 0; }
  Value(std::nullptr_t) noexcept : Value() {}
  Value(bool v) noexcept : kind_(Kind::kBool) { payload_.integer = v ? 1 : 0; }
  Value(int v) noexcept : kind_(Kind::kInt) { payload_.integer = v; }
  Value(long v) noexcept : kind_(Kind::kInt) { payload_.integer = v; }
  Value(long long v) noexcept : kind_(Kind::kInt) { payload_.integer = v; }
  Value(unsigned v) noexcept : kind_(Kind::kInt) { payload_.integer = v; }
  Value(unsigned long v) noexcept;  // kInt when it fits, else kUInt
  Value(unsigned long long v) noexcept;
  Value(double v) noexcept : kind_(Kind::kDouble) { payload_.real = v; }
  Value(const char* text) : Value(std::string_view(text)) {}
  Value(std::string_view text);
  Value(std::string&& text);
  Value(const std::string& text) : Value(std::string_view(text)) {}
  Value(List list);
  Value(Dict dict);
  // No other pointer may silently become a bool.
  template <typename T>
  Value(T*) = delete;

  Value(const Value& other) noexcept : kind_(other.kind_), payload_(other.payload_) { retain(); }
  Value(Value&& other) noexcept : kind_(other.kind_), payload_(other.payload_) {
    other.kind_ = Kind::kNull;
    other.payload_.integer = 0;
  }
  Value& operator=(const Value& other) noexcept {
    Value copy(other);
    swap(copy);
    return *this;
  }
  Value& operator=(Value&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Value() { release(); }
  void swap(Value& other) noexcept {
    std::swap(kind_, other.kind_);
    std::swap(payload_, other.payload_);
  }

  // Builders. `dict({{"a", 1}})` keeps the order given; a key named twice keeps the last value.
  static Value list(std::initializer_list<Value> items);
  static Value dict(std::initializer_list<std::pair<std::string_view, Value>> items);
  static Value empty_list();
  static Value empty_dict();
  static Value big_int(std::string decimal);  // outside 64 bits, "-?[1-9][0-9]*"
  static Value bytes(std::string bytes);
  static Value tuple(List items);
  static Value set(List items);  // the caller has removed duplicates
  static Value date_time(DateTime time);
  static Value date(int32_t days_since_epoch);
  static Value time_delta(int64_t micros);
  static Value markup(std::string text);
  static Value undefined(std::string hint);
  static Value object(std::shared_ptr<const Object> object);

  Kind kind() const noexcept { return kind_; }
  bool is_null() const noexcept { return kind_ == Kind::kNull; }
  bool is_bool() const noexcept { return kind_ == Kind::kBool; }
  // Any integer of up to 64 bits; not bool.
  bool is_int() const noexcept { return kind_ == Kind::kInt || kind_ == Kind::kUInt; }
  bool is_double() const noexcept { return kind_ == Kind::kDouble; }
  bool is_number() const noexcept { return is_int() || is_double() || kind_ == Kind::kBigInt; }
  bool is_string() const noexcept { return kind_ == Kind::kString; }
  bool is_list() const noexcept { return kind_ == Kind::kList; }
  bool is_dict() const noexcept { return kind_ == Kind::kDict; }
  // Made of the kinds that JSON has, at this level only.
  bool is_json_kind() const noexcept { return kind_ <= Kind::kDict; }

  // Accessors. The kind must be right (SQ_ASSERT), except where a default is given.
  bool as_bool() const;
  int64_t as_int() const;              // kInt only
  uint64_t as_uint() const;            // kInt >= 0 or kUInt
  double as_double() const;            // kDouble, kInt or kUInt
  std::string_view as_string() const;  // kString, kMarkup, kBytes, kBigInt (decimal) or kUndefined (hint)
  const List& as_list() const;         // kList, kTuple or kSet
  const Dict& as_dict() const;
  DateTime as_date_time() const;
  int32_t as_date() const;
  int64_t as_time_delta() const;
  const std::shared_ptr<const Object>& as_object() const;

  // Lenient reads for documents of known shape: a wrong kind or a missing key gives the default.
  std::string_view string_or(std::string_view fallback) const noexcept;
  std::string string() const { return std::string(string_or({})); }
  int64_t int_or(int64_t fallback) const noexcept;
  double double_or(double fallback) const noexcept;
  bool bool_or(bool fallback) const noexcept;

  // The member of a dict, or a shared null when this is no dict or has no such key. Never fails, so paths chain:
  // object["metadata"]["name"].string().
  const Value& operator[](std::string_view key) const noexcept;
  const Value& operator[](const char* key) const noexcept { return (*this)[std::string_view(key)]; }
  // The element of a list or tuple, or null when out of range.
  const Value& operator[](size_t index) const noexcept;
  const Value& operator[](int index) const noexcept { return (*this)[static_cast<size_t>(index)]; }
  bool contains(std::string_view key) const noexcept;
  // Members of a container, bytes of a text, 0 for everything else.
  size_t size() const noexcept;
  bool empty() const noexcept { return size() == 0; }
  // Follows "a.b.c" through dicts and (with a number) lists; null when it leads nowhere.
  const Value& at_path(std::string_view dotted) const noexcept;

  // Change in place, copying first when shared. A null becomes the empty container that is asked for.
  List& mut_list();
  Dict& mut_dict();
  void set(std::string_view key, Value value);
  void erase(std::string_view key);
  void push_back(Value value);

  // Equality of JSON documents: kinds must match, but 1 == 1.0 (numbers compare by value); dicts compare without order.
  // Containers nested deeper than limits::kJsonDepthMax are equal only when they share storage.
  // Not Python's ==, where True == 1: that one is python::equal().
  friend bool operator==(const Value& a, const Value& b) noexcept;

  // Python truthiness: null, false, 0, empty text and empty containers are false. Undefined is false.
  bool truthy() const noexcept;
  // The name Python has for the kind: "NoneType", "bool", "int", "float", "str", "list", "dict", ...
  std::string_view type_name() const noexcept;
  // The name JSON Schema has: "null", "boolean", "integer", "number", "string", "array", "object".
  std::string_view json_type_name() const noexcept;

  // True when both share the same heap storage: then they are equal without looking.
  bool same_storage(const Value& other) const noexcept;

 private:
  struct Heap;  // reference-counted storage of every kind that does not fit inline
  template <typename T>
  struct HeapOf;
  union Payload {
    int64_t integer;
    uint64_t natural;
    double real;
    Heap* heap;
  };

  Value(Kind kind, Heap* heap) noexcept : kind_(kind) { payload_.heap = heap; }
  static bool on_heap(Kind kind) noexcept {
    return kind >= Kind::kString && kind != Kind::kDate && kind != Kind::kTimeDelta;
  }
  void retain() const noexcept;
  void release() noexcept;
  static void destroy(Kind kind, Heap* heap) noexcept;
  static void destroy_now(Kind kind, Heap* heap) noexcept;
  static bool equal(const Value& a, const Value& b, size_t depth) noexcept;
  template <typename T>
  static Value make(Kind kind, T content);
  template <typename T>
  const T& content() const noexcept;
  template <typename T>
  T& unique_content();

  Kind kind_;
  Payload payload_;
};

static_assert(sizeof(Value) == 16);

// A string-keyed map in insertion order. Small maps are searched one by one, larger ones through a hash index.
// References into it stay valid until the next change.
class Dict {
 public:
  struct Entry {
    std::string key;
    Value value;
  };
  using const_iterator = std::vector<Entry>::const_iterator;

  Dict() = default;
  Dict(const Dict& other) = default;
  Dict(Dict&& other) noexcept = default;
  Dict& operator=(const Dict& other) = default;
  Dict& operator=(Dict&& other) noexcept = default;

  const_iterator begin() const { return entries_.begin(); }
  const_iterator end() const { return entries_.end(); }
  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  void reserve(size_t count) { entries_.reserve(count); }

  // Null when absent.
  const Value* find(std::string_view key) const noexcept;
  // For changing a member in place. Null when absent.
  Value* find_mutable(std::string_view key) noexcept;
  // Adds at the end, or replaces the value and keeps the place.
  void set(std::string_view key, Value value);
  // The member, added as null when absent.
  Value& operator[](std::string_view key);
  // True when it was there. Keeps the order of the rest.
  bool erase(std::string_view key);

 private:
  static constexpr size_t kIndexAbove = 8;
  size_t find_index(std::string_view key) const noexcept;
  void insert_into_index(size_t entry);
  void rebuild_index();

  std::vector<Entry> entries_;
  std::vector<uint32_t> index_;  // open addressing, entry + 1, 0 = free; empty while the map is small
};

}  // namespace squall
