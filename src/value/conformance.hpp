// For tests only: recorded answers of the real engines. Finds and decodes the topic files, compares answers strictly,
// counts passed and failed vectors by group, and knows the reasoned deviations in
// tests/conformance/deviations/<topic>.txt.
//
//   TEST(Yaml, Conformance) {
//     SQ_LOAD_TOPIC(topic, "yaml11");
//     conformance::Report report("yaml11", topic);
//     for (const Value& vector : topic["vectors"].as_list()) report.judge(vector, answer(vector));
//     report.finish();
//   }
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/strings.hpp"
#include "value/json.hpp"
#include "value/mapping.hpp"
#include "value/python.hpp"
#include "value/value.hpp"

// Ends the test, because `name` is not among the recorded answers: skipped, which is told, or failed under CI.
#define SQ_NO_CONFORMANCE_DATA(name)                                                     \
  do {                                                                                   \
    if (::squall::conformance::must_have(name)) {                                        \
      FAIL() << ::squall::conformance::missing(name) << " (CI is set: it may not miss)"; \
    }                                                                                    \
    GTEST_SKIP() << ::squall::conformance::missing(name);                                \
  } while (false)

// Declares `variable` as the topic's document, or ends the test.
#define SQ_LOAD_TOPIC(variable, name)                                                               \
  const std::optional<::squall::Value> variable##_loaded = ::squall::conformance::load_topic(name); \
  if (!variable##_loaded) SQ_NO_CONFORMANCE_DATA(name);                                             \
  const ::squall::Value& variable = *variable##_loaded

namespace squall::conformance {

// The folder of recorded answers: the one that SQUALL_CONFORMANCE names, else the full one beside the project, else the
// project's own copy.
inline std::string folder() {
  if (const char* named = std::getenv("SQUALL_CONFORMANCE"); named != nullptr && *named != '\0') return named;
  const std::string full =
      std::filesystem::path(SQUALL_SOURCE_DIR "/../shared/conformance").lexically_normal().string();
  return std::filesystem::is_directory(full) ? full : SQUALL_SOURCE_DIR "/tests/conformance";
}

// Whether a test may not go without `name`. The texts of others (orquesta/ and orquesta-rehearsals/) are no part of the
// project's own copy, so a lone clone does without them.
inline bool must_have(std::string_view name) {
  return std::getenv("CI") != nullptr && !(name.starts_with("orquesta") && !name.starts_with("orquesta_st2") &&
                                           folder() == SQUALL_SOURCE_DIR "/tests/conformance");
}

inline std::string missing(std::string_view name) {
  return "recorded answers left out: " + std::string(name) + " is not in " + folder() +
         "; SQUALL_CONFORMANCE names another folder";
}

// The text of a file of recorded answers.
inline std::optional<std::string> read_data(std::string_view relative_path) {
  auto text = read_file(folder() + "/" + std::string(relative_path));
  return text ? std::optional(std::move(*text)) : std::nullopt;
}

// The parsed document of a topic, still tagged.
inline std::optional<Value> load_topic(std::string_view name) {
  const auto text = read_data(std::string(name) + ".json");
  if (!text) return std::nullopt;
  auto document = parse_json(*text, JsonDialect::kPython);
  if (!document) ADD_FAILURE() << name << ": " << document.error().to_string();
  return document ? std::optional(std::move(*document)) : std::nullopt;
}

// A Python object that has no kind of its own in Value ("range", "Namespace", ...).
class Foreign final : public Object {
 public:
  Foreign(std::string type, std::string repr) : type_(std::move(type)), repr_(std::move(repr)) {}
  std::string_view type_name() const override { return type_; }
  std::string repr() const override { return repr_; }

 private:
  std::string type_;
  std::string repr_;
};

// "2020-01-02T03:04:05.678000+02:00"
inline Value decode_date_time(std::string_view iso) {
  const auto number = [&](size_t at, size_t count) { return parse_int(iso.substr(at, count)).value_or(0); };
  DateTime time;
  const std::string_view rest = iso.substr(19);
  const size_t sign = rest.find_first_of("+-");
  const std::string wall = std::string(iso.substr(0, 19)) + std::string(rest.substr(0, sign)) + "Z";
  const auto parsed = parse_timestamp(wall);
  if (!parsed) ADD_FAILURE() << "bad datetime in conformance data: " << iso;
  time.micros = parsed ? parsed->time_since_epoch().count() : 0;
  if (sign != std::string_view::npos) {
    const size_t at = 19 + sign;
    time.has_offset = true;
    time.offset_seconds = static_cast<int32_t>((number(at + 1, 2) * 60 + number(at + 4, 2)) * 60);
    if (iso.size() > at + 6) time.offset_seconds += static_cast<int32_t>(number(at + 7, 2));
    if (iso[at] == '-') time.offset_seconds = -time.offset_seconds;
  }
  return Value::date_time(time);
}

inline Value decode_tagged(const Value& tagged);

inline List decode_items(const Value& items) {
  List decoded;
  for (const Value& item : items.as_list()) decoded.push_back(decode_tagged(item));
  return decoded;
}

inline Value decode_by_type(std::string_view type, const Value& tagged) {
  const std::string repr = tagged["repr"].string();
  if (type == "tuple") return Value::tuple(decode_items(tagged["items"]));
  if (type == "set") return Value::set(decode_items(tagged["items"]));
  if (type == "dict") {
    Mapping::Entries entries;
    for (const Value& pair : tagged["items"].as_list()) {
      entries.emplace_back(decode_tagged(pair[0]), decode_tagged(pair[1]));
    }
    return make_mapping(std::move(entries));
  }
  if (type == "float") return Value(repr == "nan" ? std::nan("") : repr == "inf" ? HUGE_VAL : -HUGE_VAL);
  if (type == "datetime") return decode_date_time(tagged["iso"].string());
  if (type == "date")
    return Value::date(static_cast<int32_t>(
        decode_date_time(tagged["iso"].string() + "T00:00:00").as_date_time().micros / 86'400'000'000));
  if (type == "timedelta") return Value::time_delta(tagged["microseconds"].int_or(0));
  if (type == "Undefined" || type == "StrictUndefined") return Value::undefined("");
  if (type == "int" || type == "str" || type == "bytes") {
    auto value = python::literal_eval(repr);
    if (value) return std::move(*value);
    ADD_FAILURE() << "bad repr in conformance data: " << repr;
  }
  return Value::object(std::make_shared<Foreign>(std::string(type), repr));
}

// Turns {"$type": ...} into the value it stands for, at any depth. A dict with keys that are not text is a Mapping.
inline Value decode_tagged(const Value& tagged) {
  if (tagged.is_list()) return Value(decode_items(tagged));
  if (!tagged.is_dict()) return tagged;
  if (tagged.contains("$type")) return decode_by_type(tagged["$type"].string_or(""), tagged);
  Dict members;
  for (const auto& [key, member] : tagged.as_dict()) members.set(key, decode_tagged(member));
  return Value(std::move(members));
}

// The same kind and value all the way down: 1 is not 1.0, 0.0 is not -0.0, NaN is NaN, a tuple is no list, dicts have
// the same order.
inline bool same(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kDouble: {
      const double x = a.as_double();
      const double y = b.as_double();
      return (std::isnan(x) && std::isnan(y)) || (x == y && std::signbit(x) == std::signbit(y));
    }
    case Kind::kUndefined: return true;
    case Kind::kObject: return a.type_name() == b.type_name() && a.as_object()->repr() == b.as_object()->repr();
    case Kind::kList:
    case Kind::kTuple: {
      if (a.size() != b.size()) return false;
      for (size_t i = 0; i < a.size(); ++i) {
        if (!same(a[i], b[i])) return false;
      }
      return true;
    }
    case Kind::kSet: {
      if (a.size() != b.size()) return false;
      for (const Value& item : a.as_list()) {
        bool found = false;
        for (const Value& other : b.as_list()) found = found || same(item, other);
        if (!found) return false;
      }
      return true;
    }
    case Kind::kDict: {
      if (a.size() != b.size()) return false;
      auto other = b.as_dict().begin();
      for (const auto& [key, member] : a.as_dict()) {
        if (key != other->key || !same(member, other->value)) return false;
        ++other;
      }
      return true;
    }
    default: return a == b;
  }
}

// Dicts with their keys as text, at any depth: what documents that become JSON have in the end.
inline Value with_text_keys(const Value& value) {
  if (value.is_list()) {
    List items;
    for (const Value& item : value.as_list()) items.push_back(with_text_keys(item));
    return Value(std::move(items));
  }
  Dict dict;
  if (const Mapping* mapping = Mapping::of(value)) {
    for (const auto& [key, member] : mapping->entries()) dict.set(python::str(key), with_text_keys(member));
    return Value(std::move(dict));
  }
  if (!value.is_dict()) return value;
  for (const auto& [key, member] : value.as_dict()) dict.set(key, with_text_keys(member));
  return Value(std::move(dict));
}

// What a failed vector prints.
inline std::string show(const Value& value) { return std::string(value.type_name()) + " " + python::repr(value); }
inline std::string show(const Error& error) { return error.type() + ": " + error.message(); }

// Counts the vectors of one topic. finish() prints and fails the test for every surprise.
class Report {
 public:
  Report(std::string topic, const Value& document) : topic_(std::move(topic)) {
    for (const Value& vector : document["vectors"].as_list()) all_ids_.insert(vector["id"].string());
    const auto text = read_file(SQUALL_SOURCE_DIR "/tests/conformance/deviations/" + topic_ + ".txt");
    if (!text) return;
    for (const std::string& line : split(*text, '\n')) {
      const std::string_view entry = trim(line);
      if (entry.empty() || entry.front() == '#') continue;
      const size_t blank = entry.find(' ');
      const std::string id(entry.substr(0, blank));
      if (blank == std::string_view::npos) ADD_FAILURE() << topic_ << ": deviation " << id << " has no reason";
      // A folder that is named on purpose may hold other vectors.
      if (all_ids_.count(id) == 0 && std::getenv("SQUALL_CONFORMANCE") == nullptr) {
        ADD_FAILURE() << topic_ << ": deviation " << id << " names no vector";
      }
      deviations_.insert(id);
    }
  }

  // One vector's outcome; `detail` says what was expected and what came.
  void record(const Value& vector, bool passed, const std::string& detail) {
    const std::string id = vector["id"].string();
    Counts& counts = groups_[vector["group"].string()];
    const bool known = deviations_.count(id) != 0;
    ++(passed ? counts.passed : counts.failed);
    if (!passed && known) ++counts.known;
    if (passed && known) surprises_.push_back(id + " passes now: take it off the list of deviations");
    if (!passed && !known) surprises_.push_back(id + ": " + detail);
  }

  // Compares an answer with the vector's "value" or "error" (the class only; messages are counted apart).
  void judge(const Value& vector, const Result<Value>& answer) {
    const std::string came = answer ? show(*answer) : show(answer.error());
    if (vector.contains("error")) {
      const Value& error = vector["error"];
      const std::string wanted = error["type"].string() + ": " + error["message"].string();
      const bool passed = !answer && answer.error().type() == error["type"].string();
      record(vector, passed, "wanted " + wanted + "; came " + came);
      if (passed) message(vector, error["message"].string(), answer.error().message());
      return;
    }
    const Value wanted = decode_tagged(vector["value"]);
    // Documents and results of expressions become JSON: keys that are not text may have become their str() already.
    record(vector, answer && (same(wanted, *answer) || same(with_text_keys(wanted), *answer)),
           "wanted " + show(wanted) + "; came " + came);
  }

  // Counts whether a message is equal, too. Never fails the test.
  void message(const Value& vector, std::string_view wanted, std::string_view came) {
    ++messages_;
    if (wanted == came) {
      ++messages_equal_;
    } else if (std::getenv("SQUALL_SHOW_MESSAGES") != nullptr) {
      std::cout << "  message of " << vector["id"].string() << ": wanted " << wanted << "\n    came " << came << "\n";
    }
  }

  // A vector that this test does not run (another folder does); counted by group, so that it is not hidden.
  void leave_out(const Value& vector) { ++groups_[vector["group"].string()].left_out; }

  void finish() const {
    Counts total;
    for (const auto& [group, counts] : groups_) {
      total.add(counts);
      if (counts.failed > 0 || counts.left_out > 0)
        std::cout << "  " << topic_ << " / " << group << counts.text() << "\n";
    }
    std::cout << topic_ << total.text();
    if (messages_ > 0) std::cout << "; messages equal: " << messages_equal_ << " of " << messages_;
    std::cout << std::endl;
    for (const std::string& surprise : surprises_) ADD_FAILURE() << surprise;
  }

 private:
  struct Counts {
    int passed = 0, failed = 0, known = 0, left_out = 0;
    void add(const Counts& other) {
      passed += other.passed;
      failed += other.failed;
      known += other.known;
      left_out += other.left_out;
    }
    std::string text() const {
      std::string text = ": " + std::to_string(passed) + " passed, " + std::to_string(failed) + " failed";
      if (known > 0) text += " (" + std::to_string(known) + " of them known deviations)";
      if (left_out > 0) text += ", " + std::to_string(left_out) + " not run here";
      return text;
    }
  };

  std::string topic_;
  std::set<std::string> all_ids_;
  std::set<std::string> deviations_;
  std::map<std::string, Counts> groups_;
  std::vector<std::string> surprises_;
  int messages_ = 0;
  int messages_equal_ = 0;
};

}  // namespace squall::conformance
